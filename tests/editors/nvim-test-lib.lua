-- SPDX-License-Identifier: MIT
--
-- What tests in Neovim share.

local limit = tonumber(os.getenv('WAIT_LIMIT')) * 1000
local hotwatch = require('hotwatch')
local t = { said = {} }

vim.notify = function(text)
  table.insert(t.said, text)
end

function t.fail(text)
  io.stderr:write('FAILED: ' .. text .. '\n')
  vim.cmd('cquit!')
end

function t.wait(what, condition)
  if not vim.wait(limit, condition, 10) then
    t.fail(what .. ' has not come about; ' .. hotwatch.statusline() .. ' '
      .. vim.inspect(hotwatch.status()) .. vim.inspect(vim.diagnostic.get(0)) .. vim.inspect(t.said))
  end
end

function t.same(what, got, wanted)
  if not vim.deep_equal(got, wanted) then
    t.fail(what .. ': got ' .. vim.inspect(got) .. ', wanted ' .. vim.inspect(wanted))
  end
end

function t.state(wanted)
  t.wait(wanted, function()
    local status = hotwatch.status()
    return status and status.state == wanted
  end)
  return hotwatch.status()
end

function t.edit(old, new)
  local text = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n')
  local from, to = text:find(old, 1, true)
  if not from then
    t.fail('not in the source: ' .. old)
  end
  text = text:sub(1, from - 1) .. new .. text:sub(to + 1)
  vim.api.nvim_buf_set_lines(0, 0, -1, false, vim.split(text, '\n'))
  vim.cmd('silent write')
end

function t.line_of(part)
  for i, line in ipairs(vim.api.nvim_buf_get_lines(0, 0, -1, false)) do
    if line:find(part, 1, true) then
      return i - 1
    end
  end
  t.fail('no line has ' .. part)
end

function t.problems(severity)
  return vim.diagnostic.get(0, { severity = severity })
end

function t.has_said(pattern)
  t.wait('a message like ' .. pattern, function()
    for _, text in ipairs(t.said) do
      if text:find(pattern) then
        return true
      end
    end
  end)
end

return t
