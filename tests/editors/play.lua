-- SPDX-License-Identifier: MIT
--
-- Plays the case in the file $CASE (case.bash) in Neovim without a screen: the
-- real server, watcher and program.

local t = dofile(os.getenv('ROOT') .. '/tests/editors/nvim-test-lib.lua')
local hotwatch = require('hotwatch')
local case = vim.fn.json_decode(vim.fn.readfile(os.getenv('CASE')))
local ERROR, INFO = vim.diagnostic.severity.ERROR, vim.diagnostic.severity.INFO
local program

local function step(what)
  io.stdout:write('    ' .. what .. '\n')
end

local function behaves(wanted)
  t.same('how it behaves', vim.trim(vim.fn.system('cd ' .. case.folder .. ' && ' .. case.ask[1])), wanted)
end

local function start()
  program = vim.fn.jobstart(case.start, { cwd = case.folder })
  local pid = vim.fn.jobpid(program)
  t.wait('the program', function()
    local status = hotwatch.status()
    return status and status.pid == pid and status.behind == 0
  end)
end

local function problem(severity, text)
  local found
  t.wait('a diagnostic at ' .. text, function()
    for _, d in ipairs(t.problems(severity)) do
      if d.lnum == t.line_of(text) then
        found = d
        return true
      end
    end
  end)
  return found
end

local function mended()
  t.wait('its mending', function()
    local state = hotwatch.status().state
    return #t.problems(ERROR) == 0 and state ~= 'error' and state ~= 'refused' and state ~= 'building'
  end)
end

hotwatch.setup({ cmd = { os.getenv('HW'), 'lsp' } })
vim.cmd('edit ' .. case.source)
start()

step('save')
behaves(case.first)
t.edit(case.edit[1], case.edit[2])
t.state('live')
if not hotwatch.statusline():find('^HW%[v1 %d+ms%]$') then
  t.fail('the status line is ' .. hotwatch.statusline())
end
step('holder')
local held = problem(INFO, case.holder.at)
if not held.message:find(case.holder.who, 1, true) then
  t.fail('who is not named: ' .. held.message)
end
local line = t.line_of(case.holder.at) + 1
vim.cmd('Hotwatch holders')
for i, item in ipairs(vim.fn.getqflist()) do
  if item.text:find(case.holder.who, 1, true) then
    vim.cmd('cc ' .. i)
  end
end
t.same('the file', vim.api.nvim_buf_get_name(0), case.source)
t.same('the line', vim.fn.line('.'), line)
vim.cmd('cclose')

behaves(case['then'])

step('error')
t.edit(case.broken[1], case.broken[2])
t.state('error')
problem(ERROR, case.broken_at)
t.edit(case.broken[2], case.broken[1])
mended()

step('refusal')
vim.cmd('edit ' .. case.unsafe.source)
for _, edit in ipairs(case.unsafe.edits) do
  t.edit(edit[1], edit[2])
end
t.state('refused')
local refused = problem(ERROR, case.unsafe.at)
t.same('its code', refused.code or refused.user_data.lsp.code, 'unsafe')
for i = #case.unsafe.edits, 1, -1 do
  t.edit(case.unsafe.edits[i][2], case.unsafe.edits[i][1])
end
mended()
vim.cmd('edit ' .. case.source)

step('rollback, load, purge')
vim.cmd('Hotwatch rollback')
t.has_said(' v%d+ live in pid')
behaves(case.first)
t.state('stale')
t.said = {}
vim.cmd('Hotwatch load')
t.has_said(' live')
t.state('live')
vim.cmd('Hotwatch purge')
t.wait(case.purge, function()
  for _, text in ipairs(t.said) do
    if vim.fn.match(text, '\\v' .. case.purge) >= 0 then
      return true
    end
  end
end)

step('end, start')
vim.loop.kill(vim.fn.jobpid(program), 'sigkill')
t.same('the reason', t.state('lost').reason, 'no_target')
t.same('nobody holds', hotwatch.holders(), {})
t.wait('no diagnostics of them', function()
  return #t.problems(INFO) == 0
end)
start()
behaves(case['then'])
vim.fn.jobstop(program)
vim.fn.jobwait({ program })
vim.cmd('qall!')
