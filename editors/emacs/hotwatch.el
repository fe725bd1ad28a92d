;;; hotwatch.el --- Hot code loading for C -*- lexical-binding: t; -*-
;; SPDX-License-Identifier: MIT

;; Author: the hotwatch authors
;; Version: 0.1.0
;; Package-Requires: ((emacs "27.1"))
;; Keywords: c, languages, tools, processes

;;; Commentary:

;; hotwatch loads a C file into the running program as soon as it is saved.
;; This shows the result where you made it.
;;
;;   (add-hook 'c-mode-hook #'hotwatch-mode)
;;
;; Byte-compile it (`M-x package-install-file' does): thousands of diagnostics
;; are shown ten times as fast.
;;
;; `hotwatch-mode' is a minor mode of its own, beside eglot, lsp-mode or
;; whatever serves your C.  In its buffers
;;
;; - the mode line says what runs: HW[v4 120ms] after a save, HW[error] and
;;   HW[refused] while something is wrong, HW[lost] when the program or its
;;   watcher has ended, HW[stale: 2 modules] when what is on disk is not what
;;   runs; the mouse over it says more;
;; - flymake shows what does not compile, what a program refused to load (and
;;   why), and which thread still runs old code, each at its line;
;; - a thread that still runs old code is named at the end of its line;
;; - functions that you have edited, and that are not live yet, are marked.
;;
;;   C-c C-k    build and load this buffer's file now, saving it first
;;   C-c C-v h  who holds old code: a list; RET goes to the line, p purges,
;;              s purges what nobody holds, r rolls back
;;   C-c C-v p  purge the old versions of this file
;;   C-c C-v r  back to the version before
;;   C-c C-v s  how everything is
;;   C-c C-v l  what happened
;;
;; `M-x customize-group RET hotwatch RET' has what can be set.  That a save is
;; loaded is the project's to decide, not the editor's: with
;; {"reload_on_save": false} in hotwatch.json, C-c C-k does it alone.
;;
;; If flymake is off, `hotwatch-mode' turns it on with no other backend; if it
;; is on, or eglot comes, its diagnostics are beside theirs.
;;
;; How it works: one `hotwatch lsp' a project, spoken to with jsonrpc.el.  That
;; process attaches to the project's watcher or becomes it, and sends status,
;; holders and diagnostics ready to be shown.  To speak to the watcher's socket
;; instead was rejected: a watcher would have to be started and its events
;; understood here, which is what `hotwatch lsp' does for every editor alike.

;;; Code:

(require 'cl-lib)
(require 'easymenu)
(require 'flymake)
(require 'jsonrpc)
(require 'seq)
(require 'subr-x)
(require 'tabulated-list)
(require 'url-util)

;;; Settings

(defgroup hotwatch nil
  "Hot code loading for C."
  :group 'tools
  :prefix "hotwatch-")

(defcustom hotwatch-program "hotwatch"
  "The program hotwatch: its name, or where it is."
  :type 'string)

(defcustom hotwatch-use-flymake t
  "Whether `hotwatch-mode' turns `flymake-mode' on."
  :type 'boolean)

(defcustom hotwatch-mark-edited t
  "Whether functions that were edited and are not live are marked."
  :type 'boolean)

(defcustom hotwatch-show-holders t
  "Whether the end of a line says who still runs it in an old version."
  :type 'boolean)

(defface hotwatch-good '((t :inherit success))
  "The mode line while all that was saved is live.")

(defface hotwatch-bad '((t :inherit error))
  "The mode line while something is wrong.")

(defface hotwatch-busy '((t :inherit shadow))
  "The mode line while something is built, or nothing runs.")

(defface hotwatch-holder '((t :inherit warning :slant italic))
  "Who still runs old code, at the end of its line.")

(defface hotwatch-edited '((t :underline (:style wave)))
  "The first line of a function that was edited and is not live.")

;;; Connections, one a project

(defclass hotwatch-connection (jsonrpc-process-connection)
  ((root :initarg :root)
   (buffers :initform nil)
   (status :initform nil)
   (holders :initform nil)
   (ready :initform nil)
   (diagnostics :initform (make-hash-table :test #'equal))))

(defvar hotwatch--connections (make-hash-table :test #'equal)
  "Connections by the root of their project.")

(defvar hotwatch-mode) ; below
(defvar-local hotwatch--connection nil)
(defvar-local hotwatch--uri nil)
(defvar-local hotwatch--report nil)
(defvar-local hotwatch--flymake-ours nil)
(defvar-local hotwatch--report-timer nil)
(defvar-local hotwatch--holder-overlays nil)
(defvar-local hotwatch--edited-overlays nil)

(defun hotwatch--root ()
  "The root of the project that the current buffer belongs to."
  (expand-file-name
   (or (locate-dominating-file default-directory "hotwatch.json")
       (locate-dominating-file default-directory ".git")
       default-directory)))

(defun hotwatch--path-to-uri (path)
  "The URI of the file PATH."
  (concat "file://"
          (mapconcat (lambda (part) (url-hexify-string part))
                     (split-string (expand-file-name path) "/")
                     "/")))

(defun hotwatch--uri-to-path (uri)
  "The file of URI."
  (decode-coding-string
   (url-unhex-string (substring uri (length "file://")))
   'utf-8))

(defun hotwatch--start (root)
  "Start a server for the project at ROOT, and return its connection."
  (let* ((default-directory root)
         (name (format "hotwatch %s" (abbreviate-file-name root)))
         (conn (make-instance
                'hotwatch-connection
                :name name
                :root root
                :events-buffer-scrollback-size 0
                :notification-dispatcher #'hotwatch--notified
                :on-shutdown #'hotwatch--ended
                :process (make-process
                          :name name
                          :command (list hotwatch-program "lsp")
                          :connection-type 'pipe
                          :coding 'utf-8-emacs-unix
                          :noquery t
                          :stderr (get-buffer-create " *hotwatch stderr*")))))
    (puthash root conn hotwatch--connections)
    (jsonrpc-async-request
     conn :initialize
     (list :processId (emacs-pid)
           :rootUri (hotwatch--path-to-uri root)
           :capabilities '(:experimental
                           (:hotwatch (:status t :holders t))
                           :textDocument
                           (:publishDiagnostics (:relatedInformation t))))
     :success-fn (lambda (_)
                   (oset conn ready t)
                   (jsonrpc-notify conn :initialized
                                   (make-hash-table))
                   (dolist (buffer (oref conn buffers))
                     (hotwatch--did-open conn buffer)))
     :error-fn (lambda (e)
                 (message "hotwatch: %s" (plist-get e :message))))
    conn))

(defun hotwatch--connect ()
  "Connect the current buffer to its project's server."
  (let* ((root (hotwatch--root))
         (conn (gethash root hotwatch--connections)))
    (unless (and conn (jsonrpc-running-p conn))
      (setq conn (hotwatch--start root)))
    (setq hotwatch--connection conn)
    (setq hotwatch--uri (hotwatch--path-to-uri buffer-file-name))
    (unless (memq (current-buffer) (oref conn buffers))
      (push (current-buffer) (oref conn buffers))
      (hotwatch--did-open conn (current-buffer)))))

(defun hotwatch--did-open (conn buffer)
  "Tell CONN that BUFFER is open, if it can hear that already."
  (when (and (oref conn ready) (buffer-live-p buffer))
    (with-current-buffer buffer
      (jsonrpc-notify
       conn :textDocument/didOpen
       (list :textDocument
             (list :uri hotwatch--uri :languageId "c" :version 0
                   :text ""))))))

(defun hotwatch--disconnect ()
  "Disconnect the current buffer; the last one ends the server."
  (when-let ((conn hotwatch--connection))
    (setq hotwatch--connection nil)
    (oset conn buffers (delq (current-buffer) (oref conn buffers)))
    (when (jsonrpc-running-p conn)
      (if (oref conn buffers)
          (jsonrpc-notify conn :textDocument/didClose
                          (list :textDocument (list :uri hotwatch--uri)))
        (hotwatch--shutdown conn)))))

(defun hotwatch--shutdown (conn)
  "End the server of CONN as the protocol wants it, without waiting."
  (remhash (oref conn root) hotwatch--connections)
  (jsonrpc-async-request conn :shutdown nil
                         :success-fn (lambda (_)
                                       ;; an Emacs that ends has killed it
                                       (ignore-errors
                                         (jsonrpc-notify conn :exit nil)))
                         :error-fn #'ignore))

(defun hotwatch--ended (conn)
  "Note that the server of CONN has ended."
  (let ((root (oref conn root)))
    (when (eq conn (gethash root hotwatch--connections))
      (remhash root hotwatch--connections)))
  (oset conn holders nil)
  (clrhash (oref conn diagnostics))
  (hotwatch--set-status
   conn '(:state "lost" :text "lost" :reason "no_server"
                 :message "hotwatch lsp has ended; a save starts it again")))

(defun hotwatch--buffers (conn)
  "The live buffers of CONN."
  (seq-filter #'buffer-live-p (oref conn buffers)))

(defmacro hotwatch--each-buffer (conn &rest body)
  "Evaluate BODY in each live buffer of CONN."
  (declare (indent 1) (debug t))
  `(dolist (buffer (hotwatch--buffers ,conn))
     (with-current-buffer buffer
       ,@body)))

;;; What the server says

(defun hotwatch--notified (conn method params)
  "Take the notification METHOD with PARAMS from CONN."
  (pcase method
    ('hotwatch/status (hotwatch--set-status conn params))
    ('hotwatch/holders (hotwatch--set-holders conn params))
    ('textDocument/publishDiagnostics
     (hotwatch--set-diagnostics conn params))
    ('window/logMessage (hotwatch--log (plist-get params :message)))
    ('window/showMessage (message "%s" (plist-get params :message)))))

(defun hotwatch--log (line)
  "Append LINE to the buffer of what happened."
  (with-current-buffer (get-buffer-create "*hotwatch log*")
    (unless (derived-mode-p 'special-mode)
      (special-mode))
    (let ((inhibit-read-only t)
          (at-end (= (point) (point-max))))
      (save-excursion
        (goto-char (point-max))
        (insert (format-time-string "%T ") line "\n"))
      (when at-end
        (goto-char (point-max))))))

;;; The mode line

(defun hotwatch-status ()
  "The state of the current buffer's project, a plist, or nil.
It is what the server sent last as hotwatch/status."
  (and hotwatch--connection (oref hotwatch--connection status)))

(defun hotwatch--face (state)
  "The face for STATE."
  (pcase state
    ((or "live" "unchanged" "attached") 'hotwatch-good)
    ((or "error" "refused" "lost" "silent" "unusable" "stale") 'hotwatch-bad)
    (_ 'hotwatch-busy)))

(defun hotwatch-mode-line ()
  "The text for the mode line: HW and the state of the project."
  (let* ((status (hotwatch-status))
         (state (or (plist-get status :state) "starting"))
         (text (or (plist-get status :text) "..."))
         (more (or (plist-get status :message) state)))
    (concat " "
            (propertize (format "HW[%s]" text)
                        'face (hotwatch--face state)
                        'help-echo (format "hotwatch: %s" more)))))

(defun hotwatch--set-status (conn status)
  "Take STATUS as the news of CONN."
  (oset conn status status)
  (hotwatch--each-buffer conn
    (when (member (plist-get status :state) '("live" "unchanged"))
      (hotwatch--unmark-edited)))
  (force-mode-line-update t)
  (run-hook-with-args 'hotwatch-status-functions status))

(defvar hotwatch-status-functions nil
  "Functions called with a project's new state, a plist.")

;;; Diagnostics

(defun hotwatch--position (place line)
  "The position in the buffer of PLACE, which counts in UTF-16.
Point must be at the beginning of LINE, and is at that of PLACE's after."
  (forward-line (- (plist-get place :line) line))
  (save-excursion
    (let ((left (plist-get place :character)))
      (while (and (> left 0) (not (eolp)))
        (setq left (- left (if (> (char-after) #xffff) 2 1)))
        (forward-char)))
    (point)))

(defun hotwatch--type (severity)
  "The type of flymake for SEVERITY."
  (pcase severity (1 :error) (2 :warning) (_ :note)))

(defun hotwatch--text (diagnostic)
  "The message of DIAGNOSTIC, with its code and its notes."
  (concat
   (plist-get diagnostic :message)
   (when-let ((code (plist-get diagnostic :code)))
     (unless (string-suffix-p (format "[%s]" code)
                              (plist-get diagnostic :message))
       (format " [%s]" code)))
   (mapconcat
    (lambda (note)
      (let ((place (plist-get note :location)))
        (format "\n%s:%d: %s"
                (file-name-nondirectory
                 (hotwatch--uri-to-path (plist-get place :uri)))
                (1+ (plist-get (plist-get (plist-get place :range) :start)
                               :line))
                (plist-get note :message))))
    (plist-get diagnostic :relatedInformation)
    "")))

(defun hotwatch--flymake-diagnostic (diagnostic line)
  "DIAGNOSTIC of the server as one of flymake.
Point must be at the beginning of LINE, and is at that of its end after."
  (let* ((start (plist-get (plist-get diagnostic :range) :start))
         (end (plist-get (plist-get diagnostic :range) :end))
         (from (hotwatch--position start line))
         (to (hotwatch--position end (plist-get start :line))))
    (when (>= from to)
      (setq to (min (1+ from) (point-max)))
      (setq from (max (1- to) (point-min))))
    (flymake-make-diagnostic (current-buffer) from to
                             (hotwatch--type
                              (plist-get diagnostic :severity))
                             (hotwatch--text diagnostic))))

(defun hotwatch--flymake-diagnostics (diagnostics)
  "DIAGNOSTICS of the server as those of flymake.
From one to the next: to count lines from the beginning each time takes
seconds for some thousands."
  (save-excursion
    (save-restriction
      (widen)
      (goto-char (point-min))
      (let ((line 0))
        (mapcar (lambda (diagnostic)
                  (prog1 (hotwatch--flymake-diagnostic diagnostic line)
                    (setq line (thread-first diagnostic
                                 (plist-get :range)
                                 (plist-get :end)
                                 (plist-get :line)))))
                diagnostics)))))

(defun hotwatch-flymake (report &rest _)
  "Report to flymake, by REPORT, what the server has told.
REPORT is called again each time that changes."
  (setq hotwatch--report report)
  (hotwatch--report))

(defconst hotwatch--slice 50
  "How many diagnostics are reported at a time.
Flymake takes up to a quarter of a millisecond for each.")

(defun hotwatch--report ()
  "Give flymake what is known of the current buffer."
  (when (timerp hotwatch--report-timer)
    (cancel-timer hotwatch--report-timer))
  (when (and hotwatch--report hotwatch--connection)
    ;; without the region flymake keeps what was reported before
    (save-restriction
      (widen)
      (hotwatch--report-slice
       (append (gethash hotwatch--uri
                        (oref hotwatch--connection diagnostics))
               nil)
       (list :region (cons (point-min) (point-max)))))))

(defun hotwatch--report-slice (diagnostics how)
  "Report the first of DIAGNOSTICS, with the arguments HOW.
The rest follows when Emacs has nothing else to do."
  (apply hotwatch--report
         (hotwatch--flymake-diagnostics
          (seq-take diagnostics hotwatch--slice))
         how)
  (when-let ((rest (nthcdr hotwatch--slice diagnostics)))
    (setq hotwatch--report-timer
          (run-with-timer 0 nil #'hotwatch--report-rest
                          (current-buffer) rest))))

(defun hotwatch--report-rest (buffer diagnostics)
  "Go on reporting DIAGNOSTICS of BUFFER."
  (when (buffer-live-p buffer)
    (with-current-buffer buffer
      (when hotwatch--report
        (hotwatch--report-slice diagnostics nil)))))

(defun hotwatch--set-diagnostics (conn params)
  "Take PARAMS as the diagnostics of a file of CONN."
  (let ((uri (plist-get params :uri)))
    (puthash uri (plist-get params :diagnostics)
             (oref conn diagnostics))
    (hotwatch--each-buffer conn
      (when (equal uri hotwatch--uri)
        (hotwatch--report)))))

;;; Holders

(defun hotwatch--set-holders (conn params)
  "Take PARAMS as the holders of old code in the programs of CONN."
  (oset conn holders (append (plist-get params :holders) nil))
  (hotwatch--each-buffer conn
    (hotwatch--show-holders))
  (when-let ((buffer (get-buffer "*hotwatch holders*")))
    (with-current-buffer buffer
      (when (eq conn hotwatch--connection)
        (hotwatch--list-refresh)
        (tabulated-list-print t)))))

(defun hotwatch--remove-overlays (overlays)
  "Remove OVERLAYS; the value is nil."
  (mapc #'delete-overlay overlays)
  nil)

(defun hotwatch--show-holder (holder more)
  "Name HOLDER at the end of its line, with MORE others."
  (save-excursion
    (save-restriction
      (widen)
      (goto-char (point-min))
      (forward-line (1- (plist-get holder :line)))
      (let ((overlay (make-overlay (line-beginning-position)
                                   (line-end-position))))
        (overlay-put overlay 'hotwatch holder)
        (overlay-put overlay 'after-string
                     (propertize
                      (format "  ◄ %s runs v%s here%s"
                              (plist-get holder :who)
                              (plist-get holder :version)
                              (if (> more 0) (format ", and %d more" more) ""))
                      'face 'hotwatch-holder))
        (push overlay hotwatch--holder-overlays)))))

(defun hotwatch--show-holders ()
  "Show in the current buffer the holders of its old code.
A hundred forked workers, all at one line, are told on that line once."
  (setq hotwatch--holder-overlays
        (hotwatch--remove-overlays hotwatch--holder-overlays))
  (when (and hotwatch-show-holders hotwatch--connection)
    (let* ((name (file-truename buffer-file-name))
           (here (seq-filter (lambda (holder)
                               (and (plist-get holder :line)
                                    (equal (plist-get holder :file) name)))
                             (oref hotwatch--connection holders))))
      (pcase-dolist (`(,_ . ,holders)
                     (seq-group-by (lambda (holder)
                                     (list (plist-get holder :line)
                                           (plist-get holder :who)
                                           (plist-get holder :version)))
                                   here))
        (hotwatch--show-holder (car holders) (1- (length holders)))))))

(defvar hotwatch-holders-mode-map
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "RET") #'hotwatch-holders-visit)
    (define-key map "p" #'hotwatch-holders-purge)
    (define-key map "s" #'hotwatch-holders-soft-purge)
    (define-key map "r" #'hotwatch-holders-rollback)
    map)
  "Keys of `hotwatch-holders-mode'.")

(define-derived-mode hotwatch-holders-mode tabulated-list-mode "Holders"
  "The holders of old code.
\\{hotwatch-holders-mode-map}"
  (setq tabulated-list-format
        [("Module" 24 t) ("Version" 8 t) ("Process" 16 t) ("By" 28 t)
         ("In" 0 nil)])
  (setq tabulated-list-padding 1)
  (add-hook 'tabulated-list-revert-hook #'hotwatch--list-refresh nil t)
  (tabulated-list-init-header))

(defun hotwatch--list-refresh ()
  "Make the lines of the list from what the server said last."
  (setq tabulated-list-entries
        (mapcar
         (lambda (holder)
           (list holder
                 (vector (plist-get holder :module)
                         (format "v%s" (plist-get holder :version))
                         (format "%s %s" (plist-get holder :target)
                                 (plist-get holder :pid))
                         (plist-get holder :who)
                         (plist-get holder :where))))
         (oref hotwatch--connection holders))))

(defun hotwatch-list-holders ()
  "List the holders of old code in the programs of this project."
  (interactive)
  (let ((conn (hotwatch--need)))
    (with-current-buffer (get-buffer-create "*hotwatch holders*")
      (hotwatch-holders-mode)
      (setq hotwatch--connection conn)
      (hotwatch--list-refresh)
      (tabulated-list-print))
    (pop-to-buffer "*hotwatch holders*")))

(defun hotwatch--holder-at-point ()
  "The holder on the current line of the list."
  (or (tabulated-list-get-id)
      (user-error "No holder on this line")))

(defun hotwatch-holders-visit ()
  "Go to the line where the holder is."
  (interactive)
  (let* ((holder (hotwatch--holder-at-point))
         (file (plist-get holder :file)))
    (unless file
      (user-error "It is in no source: %s" (plist-get holder :where)))
    (find-file-other-window file)
    (goto-char (point-min))
    (forward-line (1- (plist-get holder :line)))))

(defun hotwatch-holders-purge ()
  "Purge the module on this line, ending its processes."
  (interactive)
  (let ((module (plist-get (hotwatch--holder-at-point) :module)))
    (when (y-or-n-p (format "End the processes that hold %s? " module))
      (hotwatch--command "hotwatch.purge" module))))

(defun hotwatch-holders-soft-purge ()
  "Purge the module on this line unless it is held."
  (interactive)
  (hotwatch--command "hotwatch.softPurge"
                     (plist-get (hotwatch--holder-at-point) :module)))

(defun hotwatch-holders-rollback ()
  "Make the version before the current one of this module current."
  (interactive)
  (hotwatch--command "hotwatch.rollback"
                     (plist-get (hotwatch--holder-at-point) :module)))

;;; Edited, and not live

(defun hotwatch--mark-edited (from to _length)
  "Mark the function around FROM and TO as edited."
  (when (and hotwatch-mark-edited
             (not (seq-some (lambda (o) (and (overlay-buffer o)
                                             (<= (overlay-start o) from)
                                             (>= (overlay-end o) to)))
                            hotwatch--edited-overlays)))
    (save-match-data
      (save-excursion
        (goto-char from)
        (end-of-line)
        (when (ignore-errors (beginning-of-defun))
          (let ((start (point))
                (line-end (line-end-position)))
            (end-of-defun)
            (when (>= (point) to)
              (hotwatch--mark-function start line-end (point)))))))))

(defun hotwatch--mark-function (start line-end end)
  "Mark the function from START to END, whose first line ends at LINE-END."
  (let ((whole (make-overlay start end))
        (line (make-overlay start line-end)))
    (overlay-put whole 'hotwatch-edited t)
    (overlay-put line 'face 'hotwatch-edited)
    (overlay-put line 'help-echo "edited, and not live yet")
    (push whole hotwatch--edited-overlays)
    (push line hotwatch--edited-overlays)))

(defun hotwatch--unmark-edited ()
  "All that is saved is live."
  (unless (buffer-modified-p)
    (setq hotwatch--edited-overlays
          (hotwatch--remove-overlays hotwatch--edited-overlays))))

;;; Commands

(defun hotwatch--need ()
  "The connection of the current buffer, which must have one."
  (cond
   ((and hotwatch--connection (jsonrpc-running-p hotwatch--connection))
    hotwatch--connection)
   (hotwatch-mode
    (hotwatch--connect)
    hotwatch--connection)
   (t (user-error "`hotwatch-mode' is off in this buffer"))))

(defun hotwatch--tell-result (result)
  "Show the message of a command's RESULT."
  (let ((text (plist-get result :message)))
    (unless (string-empty-p text)
      (message "hotwatch: %s" text))))

(defun hotwatch--tell-error (failure)
  "Show the message of FAILURE, a command's error object."
  (let ((reason (plist-get (plist-get failure :data) :reason)))
    (message "hotwatch: %s%s"
             (if reason (concat reason ": ") "")
             (plist-get failure :message))))

(defun hotwatch--command (name &rest arguments)
  "Run the server's command NAME with ARGUMENTS and show its result."
  (jsonrpc-async-request
   (hotwatch--need) :workspace/executeCommand
   (list :command name :arguments (vconcat arguments))
   :timeout 600
   :success-fn #'hotwatch--tell-result
   :error-fn #'hotwatch--tell-error))

(defun hotwatch-load ()
  "Save this buffer, build its file and load it into the running program."
  (interactive)
  (hotwatch--need)
  (when (buffer-modified-p)
    (save-buffer))
  (hotwatch--command "hotwatch.load" hotwatch--uri))

(defun hotwatch--held-p ()
  "Whether old code of the current buffer's file is known to be held."
  (seq-some (lambda (holder)
              (equal (plist-get holder :file)
                     (file-truename buffer-file-name)))
            (oref (hotwatch--need) holders)))

(defun hotwatch-purge ()
  "Purge this file's old versions, ending their processes."
  (interactive)
  (when (or (not (called-interactively-p 'any))
            (not (hotwatch--held-p))
            (y-or-n-p "End the processes that hold old code of this file? "))
    (hotwatch--command "hotwatch.purge" hotwatch--uri)))

(defun hotwatch-soft-purge ()
  "Purge this file's old versions unless they are held."
  (interactive)
  (hotwatch--command "hotwatch.softPurge" hotwatch--uri))

(defun hotwatch-rollback ()
  "Make the version of this file before the current one current."
  (interactive)
  (hotwatch--command "hotwatch.rollback" hotwatch--uri))

(defun hotwatch-show-status ()
  "Say how the programs of this project are."
  (interactive)
  (hotwatch--command "hotwatch.status"))

(defun hotwatch-show-log ()
  "Show what happened."
  (interactive)
  (pop-to-buffer (get-buffer-create "*hotwatch log*")))

;;; The mode

(defvar hotwatch-command-map
  (let ((map (make-sparse-keymap)))
    (define-key map "h" #'hotwatch-list-holders)
    (define-key map "l" #'hotwatch-show-log)
    (define-key map "p" #'hotwatch-purge)
    (define-key map "r" #'hotwatch-rollback)
    (define-key map "s" #'hotwatch-show-status)
    map)
  "Keys after the prefix of `hotwatch-mode-map'.")

(defvar hotwatch-mode-map
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "C-c C-k") #'hotwatch-load)
    (define-key map (kbd "C-c C-v") hotwatch-command-map)
    map)
  "Keys of `hotwatch-mode'.")

(easy-menu-define hotwatch-menu hotwatch-mode-map
  "The menu of `hotwatch-mode'."
  '("Hotwatch"
    ["Build and load" hotwatch-load]
    ["Holders of old code" hotwatch-list-holders]
    ["Purge" hotwatch-purge]
    ["Purge if nothing holds" hotwatch-soft-purge]
    ["Rollback" hotwatch-rollback]
    "---"
    ["Status" hotwatch-show-status]
    ["Log" hotwatch-show-log]
    ["Settings" (customize-group 'hotwatch)]))

(defun hotwatch--saved ()
  "Tell the server of a save; start it if it has ended."
  (let ((conn (hotwatch--need)))
    (when (oref conn ready)
      (jsonrpc-notify conn :textDocument/didSave
                      (list :textDocument (list :uri hotwatch--uri))))))

(defun hotwatch--join-flymake ()
  "Report to flymake beside whoever has taken it over.
Eglot sets the list of backends instead of adding to it."
  (when (and hotwatch-mode
             (not (memq #'hotwatch-flymake flymake-diagnostic-functions)))
    (add-hook 'flymake-diagnostic-functions #'hotwatch-flymake nil t)
    (when flymake-mode
      (flymake-start))))

(defun hotwatch--start-flymake ()
  "Turn flymake on, with no other backend if it was off.
Emacs' own for C runs make, which nobody has asked for."
  (unless flymake-mode
    (setq hotwatch--flymake-ours t)
    (setq-local flymake-diagnostic-functions (list #'hotwatch-flymake))
    (flymake-mode 1)))

(defun hotwatch--end-flymake ()
  "Take back what was reported, and turn flymake off if it was off before."
  (when (timerp hotwatch--report-timer)
    (cancel-timer hotwatch--report-timer))
  (when hotwatch--report
    (funcall hotwatch--report nil :region (cons (point-min) (point-max))))
  (setq hotwatch--report nil)
  (when hotwatch--flymake-ours
    (setq hotwatch--flymake-ours nil)
    (unless (remq #'hotwatch-flymake flymake-diagnostic-functions)
      (flymake-mode -1)
      (kill-local-variable 'flymake-diagnostic-functions))))

(defconst hotwatch--hooks
  '((after-save-hook . hotwatch--saved)
    (kill-buffer-hook . hotwatch--disconnect)
    (after-change-functions . hotwatch--mark-edited)
    (eglot-managed-mode-hook . hotwatch--join-flymake)
    (flymake-diagnostic-functions . hotwatch-flymake)))

(defun hotwatch--turn-on ()
  "Begin to serve the current buffer."
  (unless buffer-file-name
    (setq hotwatch-mode nil)
    (user-error "This buffer has no file"))
  (unless (executable-find hotwatch-program)
    (setq hotwatch-mode nil)
    (user-error "No program %s; install it or set `hotwatch-program'"
                hotwatch-program))
  (dolist (hook hotwatch--hooks)
    (add-hook (car hook) (cdr hook) nil t))
  (hotwatch--connect)
  (hotwatch--show-holders)
  (when hotwatch-use-flymake
    (hotwatch--start-flymake)))

(defun hotwatch--turn-off ()
  "Leave nothing in the current buffer."
  (hotwatch--end-flymake)
  (hotwatch--disconnect)
  (dolist (hook hotwatch--hooks)
    (remove-hook (car hook) (cdr hook) t))
  (setq hotwatch--holder-overlays
        (hotwatch--remove-overlays hotwatch--holder-overlays))
  (setq hotwatch--edited-overlays
        (hotwatch--remove-overlays hotwatch--edited-overlays)))

;;;###autoload
(define-minor-mode hotwatch-mode
  "Show what the running program has of this file, and reload it.
\\{hotwatch-mode-map}"
  :lighter (:eval (hotwatch-mode-line))
  :keymap hotwatch-mode-map
  (if hotwatch-mode
      (hotwatch--turn-on)
    (hotwatch--turn-off)))

(provide 'hotwatch)
;;; hotwatch.el ends here
