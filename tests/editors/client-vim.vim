" SPDX-License-Identifier: MIT
"
" Vim 9 speaks to the language server by its own channels (in_mode: lsp).

let s:line = str2nr($LINE) - 1
let s:shown = v:false

func s:Take(channel, message) abort
  if get(a:message, 'method', '') !=# 'textDocument/publishDiagnostics'
    return
  endif
  for diagnostic in a:message.params.diagnostics
    if diagnostic.severity == 1 && diagnostic.range.start.line == s:line
      let s:shown = v:true
    endif
  endfor
endfunc

let s:job = job_start([$HW, 'lsp'], {'in_mode': 'lsp', 'out_mode': 'lsp',
      \ 'out_cb': function('s:Take'), 'err_mode': 'nl'})
let s:root = 'file://' .. getcwd() .. '/p'
let s:answer = ch_evalexpr(s:job, {'method': 'initialize', 'params': {
      \ 'processId': getpid(), 'rootUri': s:root, 'capabilities': {}}},
      \ {'timeout': 30000})
call ch_sendexpr(s:job, {'method': 'initialized', 'params': {}})
call ch_sendexpr(s:job, {'method': 'textDocument/didOpen', 'params': {
      \ 'textDocument': {'uri': s:root .. '/counter.c', 'languageId': 'c',
      \ 'version': 1, 'text': ''}}})
for s:i in range(3000)
  if s:shown
    break
  endif
  sleep 10m
endfor
call ch_evalexpr(s:job, {'method': 'shutdown'}, {'timeout': 30000})
call ch_sendexpr(s:job, {'method': 'exit'})
for s:i in range(3000)
  if job_status(s:job) !=# 'run'
    break
  endif
  sleep 10m
endfor
call writefile([s:shown ? 'shown' : string(s:answer)], 'vim.out')
qall!
