-- SPDX-License-Identifier: MIT
--
-- hotwatch for Neovim: starts `hotwatch lsp` for the project of a C file and
-- leaves everything to it. Diagnostics and lenses come by Neovim's own client;
-- this adds the state for a status line, the list of holders, and :Hotwatch.
-- See doc/hotwatch.txt.

local M = {}

local options = {
  cmd = { 'hotwatch', 'lsp' },
  filetypes = { 'c', 'cpp' },
  lenses = true,
}

-- By root: { id = of the client, status = hotwatch/status, holders = list }
local projects = {}
local lines = {} -- what happened, oldest first
local LINES_MAX = 500

-- For Neovim from 0.11 on, which lacks start_client.
local start_client = vim.lsp.start_client
  or function(config)
    return vim.lsp.start(config, { attach = false })
  end

local function root_of(path)
  local dir = vim.fn.fnamemodify(path, ':p:h')
  local marker = vim.fn.findfile('hotwatch.json', vim.fn.escape(dir, ' ,') .. ';')
  if marker ~= '' then
    return vim.fn.fnamemodify(marker, ':p:h')
  end
  marker = vim.fn.finddir('.git', vim.fn.escape(dir, ' ,') .. ';')
  if marker ~= '' then
    return vim.fn.fnamemodify(marker, ':p:h:h')
  end
  return dir
end

local function project_of(bufnr)
  local name = vim.api.nvim_buf_get_name(bufnr or 0)
  return name ~= '' and projects[root_of(name)] or nil
end

local function client_of(project)
  return project and project.id and vim.lsp.get_client_by_id(project.id)
end

-- Whoever shows the state is told to show it anew.
local function changed()
  vim.cmd('doautocmd <nomodeline> User HotwatchStatus')
  vim.cmd('redrawstatus!')
end

local function each_buffer(project, f)
  for bufnr in pairs(project.buffers) do
    if vim.api.nvim_buf_is_valid(bufnr) then
      f(bufnr)
    else
      project.buffers[bufnr] = nil
    end
  end
end

local function ask_lenses(project)
  local client = client_of(project)
  if not client or not options.lenses then
    return
  end
  each_buffer(project, function(bufnr)
    client.request('textDocument/codeLens', {
      textDocument = { uri = vim.uri_from_bufnr(bufnr) },
    }, vim.lsp.codelens.on_codelens, bufnr)
  end)
end

local function add_line(text)
  table.insert(lines, os.date('%H:%M:%S ') .. text)
  if #lines > LINES_MAX then
    table.remove(lines, 1)
  end
end

local function handlers(project)
  return {
    ['hotwatch/status'] = function(_, status)
      project.status = status
      changed()
    end,
    ['hotwatch/holders'] = function(_, params)
      project.holders = params.holders
    end,
    ['workspace/codeLens/refresh'] = function()
      ask_lenses(project)
      return vim.NIL
    end,
    ['window/logMessage'] = function(_, params)
      add_line(params.message)
    end,
  }
end

local function capabilities()
  local caps = vim.lsp.protocol.make_client_capabilities()
  caps.experimental = { hotwatch = { status = true, holders = true } }
  caps.workspace = caps.workspace or {}
  caps.workspace.codeLens = { refreshSupport = options.lenses }
  caps.textDocument.codeLens = {}
  return caps
end

local function start(root, project)
  project.id = start_client({
    name = 'hotwatch',
    cmd = options.cmd,
    root_dir = root,
    workspace_folders = { { uri = vim.uri_from_fname(root), name = root } },
    capabilities = capabilities(),
    handlers = handlers(project),
    on_init = function()
      vim.schedule(function()
        ask_lenses(project)
      end)
    end,
    on_exit = function()
      project.id = nil
      project.holders = {}
      project.status = {
        state = 'lost',
        text = 'lost',
        message = 'hotwatch lsp has ended; a save starts it again',
      }
      vim.schedule(changed)
    end,
  })
end

-- Serves the buffer; starts what is needed for it.
function M.attach(bufnr)
  bufnr = bufnr and bufnr ~= 0 and bufnr or vim.api.nvim_get_current_buf()
  local name = vim.api.nvim_buf_get_name(bufnr)
  if name == '' or vim.bo[bufnr].buftype ~= '' then
    return
  end
  local root = root_of(name)
  local project = projects[root]
  if not project then
    project = { buffers = {}, holders = {} }
    projects[root] = project
  end
  project.buffers[bufnr] = true
  if not client_of(project) then
    start(root, project)
    if not project.id then -- Neovim has said why
      project.status = { state = 'lost', text = 'lost', message = options.cmd[1] .. ' cannot be run' }
    end
  end
  if project.id then
    vim.lsp.buf_attach_client(bufnr, project.id)
    if client_of(project) then
      ask_lenses(project)
    end
  end
end

-- What the server said last of the buffer's project, or nil: state, text,
-- message, version, ms and more (protocol/schema/hotwatch-status.json).
function M.status(bufnr)
  local project = project_of(bufnr)
  return project and project.status
end

-- For a status line: "HW[v4 120ms]", or nothing.
function M.statusline(bufnr)
  local project = project_of(bufnr)
  if not project then
    return ''
  end
  return 'HW[' .. (project.status and project.status.text or '...') .. ']'
end

-- Those who hold old code, as the server said last.
function M.holders(bufnr)
  local project = project_of(bufnr)
  return project and project.holders or {}
end

local function list_holders()
  local items = {}
  for _, h in ipairs(M.holders()) do
    table.insert(items, {
      filename = h.file,
      lnum = h.line,
      text = string.format('%s v%d: %s of pid %d in %s', h.module, h.version, h.who, h.pid, h.where),
    })
  end
  vim.fn.setqflist({}, ' ', { title = 'hotwatch holders', items = items })
  if #items == 0 then
    vim.notify('hotwatch: nothing holds old code')
  else
    vim.cmd('copen')
  end
end

local function show_log()
  vim.cmd('new')
  vim.bo.buftype = 'nofile'
  vim.bo.bufhidden = 'wipe'
  vim.api.nvim_buf_set_lines(0, 0, -1, false, lines)
  vim.cmd('normal! G')
end

local function told(err, result)
  if err then
    local reason = type(err.data) == 'table' and err.data.reason
    vim.notify('hotwatch: ' .. (reason and reason .. ': ' or '') .. err.message, vim.log.levels.ERROR)
  elseif result.message ~= '' then
    vim.notify('hotwatch: ' .. result.message, result.ok and vim.log.levels.INFO or vim.log.levels.ERROR)
  end
end

-- Runs a command of the server, of the module or of the current file.
function M.command(name, module, done)
  local client = client_of(project_of())
  if not client then
    vim.notify('hotwatch: no server runs for this file; :checkhealth hotwatch', vim.log.levels.ERROR)
    return
  end
  client.request('workspace/executeCommand', {
    command = 'hotwatch.' .. name,
    arguments = { module or vim.uri_from_bufnr(0) },
  }, done or told, 0)
end

local verbs = {
  load = function(module)
    if not module and vim.bo.modified then
      vim.cmd('write')
    end
    M.command('load', module)
  end,
  holders = list_holders,
  log = show_log,
}
for _, name in ipairs({ 'purge', 'softPurge', 'rollback', 'delete', 'status' }) do
  verbs[name] = function(module)
    M.command(name, module)
  end
end

local function complete(lead)
  return vim.tbl_filter(function(verb)
    return vim.startswith(verb, lead)
  end, vim.fn.sort(vim.tbl_keys(verbs)))
end

local function run(args)
  local verb = verbs[args.fargs[1]]
  if not verb then
    vim.notify('hotwatch: ' .. args.fargs[1] .. ' is none of ' .. table.concat(complete(''), ', '), vim.log.levels.ERROR)
    return
  end
  verb(args.fargs[2])
end

function M.options()
  return options
end

function M.setup(given)
  options = vim.tbl_extend('force', options, given or {})
  local group = vim.api.nvim_create_augroup('Hotwatch', { clear = true })
  -- a save starts a server that has ended
  for event, pattern in pairs({ FileType = options.filetypes, BufWritePost = '*' }) do
    vim.api.nvim_create_autocmd(event, {
      group = group,
      pattern = pattern,
      callback = function(args)
        if vim.tbl_contains(options.filetypes, vim.bo[args.buf].filetype) then
          M.attach(args.buf)
        end
      end,
    })
  end
  vim.api.nvim_create_autocmd('User', {
    group = group,
    pattern = 'HotwatchStatus',
    callback = function() end, -- so that doautocmd finds one
  })
  vim.api.nvim_create_user_command('Hotwatch', run, {
    nargs = '+',
    complete = complete,
    desc = 'hotwatch: load, purge, rollback, ...',
  })
end

return M
