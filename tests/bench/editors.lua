-- SPDX-License-Identifier: MIT
--
-- What Neovim takes to show it; see editors.el.

local hotwatch = require('hotwatch')
local SAVES = 30

local function wait(condition)
  assert(vim.wait(60000, condition, 1), 'has not come about: ' .. vim.inspect(hotwatch.status()))
end

local function ms_of(f)
  local began = os.clock() -- processor time
  f()
  return (os.clock() - began) * 1000
end

local function save(number)
  vim.cmd('%s/return \\d\\+;/return ' .. number .. ';/')
  local began, seq = vim.loop.hrtime(), hotwatch.status().seq
  vim.cmd('silent write')
  wait(function()
    local status = hotwatch.status()
    return status.state == 'live' and status.seq > seq
  end)
  hotwatch.statusline()
  return (vim.loop.hrtime() - began) / 1e6 - hotwatch.status().ms
end

hotwatch.setup({ cmd = { os.getenv('HW'), 'lsp' } })
vim.cmd('edit work.c')
wait(function()
  local status = hotwatch.status()
  return status and status.pid and status.behind == 0
end)
for i = 1, 3 do
  save(3000 + i)
end
local all = {}
for i = 1, SAVES do
  table.insert(all, save(4000 + i))
end
table.sort(all)

local client = vim.lsp.get_active_clients()[1]
local handlers = client.handlers
local holders = {}
for i = 1, 100 do
  table.insert(holders, { pid = 1000 + i, target = 'worker', module = 'm', version = 3, who = 'main thread',
    where = 'main (work.c:1)', file = vim.api.nvim_buf_get_name(0), line = 1 + i % 50 })
end
local lenses = {}
for i = 1, 100 do
  table.insert(lenses, { range = { start = { line = 0, character = 0 }, ['end'] = { line = 0, character = 1 } },
    command = { title = 'process ' .. i, command = 'hotwatch.holders', arguments = { 'm' } } })
end
local diagnostics = {}
for i = 0, 9999 do
  table.insert(diagnostics, { range = { start = { line = i, character = 4 }, ['end'] = { line = i, character = 8 } },
    severity = 2, source = 'hotwatch', message = 'unused variable' })
end
local status = hotwatch.status()
local figures = {
  median = all[SAVES / 2],
  high = all[SAVES * 9 / 10],
  status = ms_of(function()
    handlers['hotwatch/status'](nil, vim.tbl_extend('force', status, { targets = 100 }))
  end),
  holders = ms_of(function()
    handlers['hotwatch/holders'](nil, { holders = holders })
    vim.cmd('Hotwatch holders')
  end),
  -- Neovim's own part, for comparison
  diagnostics = ms_of(function()
    vim.lsp.handlers['textDocument/publishDiagnostics'](nil,
      { uri = vim.uri_from_fname('/x/y.c'), diagnostics = diagnostics }, { client_id = client.id })
  end),
}
vim.fn.writefile({ vim.fn.json_encode(figures) }, 'figures.json')
vim.cmd('qall!')
