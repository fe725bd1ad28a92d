-- SPDX-License-Identifier: MIT
--
-- :checkhealth hotwatch

local M = {}

-- Neovim has renamed these twice.
local function report(kind, ...)
  local health = vim.health or {}
  local f = health[kind] or health['report_' .. kind] or vim.fn['health#report_' .. kind]
  f(...)
end

local function check_program(program)
  if vim.fn.executable(program) ~= 1 then
    report('error', program .. ' cannot be run', {
      "Install hotwatch, or say where it is: require('hotwatch').setup { cmd = { '/path/to/hotwatch', 'lsp' } }",
    })
    return false
  end
  local version = vim.fn.system({ program, '--version' })
  report('ok', vim.trim(version) .. ' (' .. vim.fn.exepath(program) .. ')')
  return true
end

function M.check()
  report('start', 'hotwatch')
  local hotwatch = require('hotwatch')
  if not check_program(hotwatch.options().cmd[1]) then
    return
  end
  local status = hotwatch.status()
  if not status then
    report('info', 'this buffer is in no project; C files are')
  elseif status.message then
    report('warn', status.state .. ': ' .. status.message)
  else
    report('ok', 'the project is ' .. status.state .. ': ' .. status.text)
  end
end

return M
