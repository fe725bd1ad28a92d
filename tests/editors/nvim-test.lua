-- SPDX-License-Identifier: MIT
--
-- Neovim without a screen, the real server, watcher and counter. nvim.sh
-- prepares the project p and runs this in it.

local t = dofile(os.getenv('ROOT') .. '/tests/editors/nvim-test-lib.lua')
local hotwatch = require('hotwatch')
local wait, same, state, edit = t.wait, t.same, t.state, t.edit
local line_of, problems, has_said, fail = t.line_of, t.problems, t.has_said, t.fail

local ERROR, INFO = vim.diagnostic.severity.ERROR, vim.diagnostic.severity.INFO
local counter
local function start_counter()
  local answered = false
  counter = vim.fn.jobstart({ vim.fn.getcwd() .. '/counter' }, {
    on_stdout = function(_, data)
      answered = answered or data[1]:find('sum') ~= nil
    end,
  })
  -- else its process might be born in a version that comes meanwhile
  vim.fn.chansend(counter, 'print\n')
  wait('an answer of the counter', function()
    return answered
  end)
  return vim.fn.jobpid(counter)
end
local function stop_counter()
  vim.fn.jobstop(counter)
  vim.fn.jobwait({ counter })
end

hotwatch.setup({ cmd = { os.getenv('HW'), 'lsp' } })
local pid = start_counter()
vim.cmd('edit counter.c')
wait('the program', function()
  return hotwatch.statusline() == 'HW[pid ' .. pid .. ']'
end)

-- a save
edit('the sum is', 'sum:')
local status = state('live')
same('the version', status.version, 1)
if not hotwatch.statusline():find('^HW%[v1 %d+ms%]$') then
  fail('the status line is ' .. hotwatch.statusline())
end

-- an error
edit('int n = flag;', 'int n = flg;')
state('error')
same('its line', problems(ERROR)[1].lnum, line_of('flg'))
edit('int n = flg;', 'int n = flag;')
wait('mended', function()
  return #problems(ERROR) == 0
end)

-- a refusal
edit('int n = flag;', 'int n = flag.a[0];')
edit('int flag = 1;', 'struct { int a[9]; } flag = {{1}};')
state('refused')
same('its line', problems(ERROR)[1].lnum, line_of('flag = {{1}}'))
same('its code', problems(ERROR)[1].code or problems(ERROR)[1].user_data.lsp.code, 'unsafe')
edit('struct { int a[9]; } flag = {{1}};', 'int flag = 1;')
edit('int n = flag.a[0];', 'int n = flag;')
wait('reverted', function()
  return #problems(ERROR) == 0
end)

-- holders: listed, and gone to
wait('the holders', function()
  return #hotwatch.holders() == 2 and #problems(INFO) == 2
end)
vim.cmd('Hotwatch holders')
local list = vim.fn.getqflist({ title = 0, items = 0 })
same('the list', list.title, 'hotwatch holders')
same('how many', #list.items, 2)
vim.cmd('cfirst')
same('the file', vim.fn.expand('%:t'), 'counter.c')
same('the line', vim.fn.line('.'), list.items[1].lnum)
vim.cmd('cclose')

-- lenses
wait('the lenses', function()
  local titles = vim.tbl_map(function(lens)
    return lens.command.title
  end, vim.lsp.codelens.get(0))
  return titles[1] and titles[1]:find('^hotwatch: v1 in pid ' .. pid) and vim.tbl_contains(titles, 'Rollback')
end)

-- commands
vim.cmd('Hotwatch softPurge')
has_said('not_purged: counter is still held: .*main thread')
vim.cmd('Hotwatch rollback')
has_said('counter v2 live in pid')
vim.cmd('Hotwatch load counter')
has_said('counter v3 live')
vim.cmd('Hotwatch load nothing')
has_said('unknown_module: ')
vim.cmd('Hotwatch log')
if not table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n'):find('counter v1 live in') then
  fail('the log is ' .. vim.inspect(vim.api.nvim_buf_get_lines(0, 0, -1, false)))
end
vim.cmd('bwipeout!')

-- the program ends, and comes back
stop_counter()
same('the reason', state('lost').reason, 'no_target')
same('nobody holds', hotwatch.holders(), {})
pid = start_counter()
wait('the program', function()
  return hotwatch.status().pid == pid
end)

-- the server ends; a save starts it
for _, client in pairs(vim.lsp.get_active_clients()) do
  vim.lsp.stop_client(client.id, true)
end
state('lost')
edit('sum:', 'the total is')
state('live')

-- health
vim.cmd('silent checkhealth hotwatch')
local health = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n')
if not health:find('OK: hotwatch %d') then
  fail('checkhealth says ' .. health)
end
stop_counter()
vim.cmd('qall!')
