;;; client-lsp-mode.el --- lsp-mode shows an error -*- lexical-binding: t; -*-
;; SPDX-License-Identifier: MIT

;;; Code:

(load (expand-file-name "client-lib.el" (file-name-directory load-file-name)))
(require 'lsp-mode)
(require 'lsp-lens)

(setq lsp-session-file (expand-file-name "session" temporary-file-directory)
      lsp-auto-guess-root t
      lsp-enable-snippet nil
      lsp-diagnostics-provider :none
      lsp-enabled-clients '(hotwatch))
(lsp-register-client
 (make-lsp-client :new-connection (lsp-stdio-connection
                                   (list (getenv "HW") "lsp"))
                  :major-modes '(c-mode)
                  :add-on? t
                  :server-id 'hotwatch))

(defun client-error-p (diagnostic)
  "Whether DIAGNOSTIC is the error."
  (and (equal 1 (lsp:diagnostic-severity? diagnostic))
       (equal (1- client-line)
              (lsp:position-line
               (lsp:range-start (lsp:diagnostic-range diagnostic))))))

(find-file "counter.c")
(lsp-workspace-folders-add default-directory)
(lsp)
(client-wait "the error"
             (lambda ()
               (seq-some #'client-error-p
                         (gethash (lsp--fix-path-casing buffer-file-name)
                                  (lsp-diagnostics)))))
(lsp-workspace-shutdown (car (lsp-workspaces)))
(client-wait "its end" (lambda () (not (lsp-workspaces))))
;;; client-lsp-mode.el ends here
