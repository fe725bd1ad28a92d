;;; client-eglot.el --- eglot shows an error -*- lexical-binding: t; -*-
;; SPDX-License-Identifier: MIT

;;; Code:

(load (expand-file-name "client-lib.el" (file-name-directory load-file-name)))
(require 'eglot)
(require 'hotwatch)

(setq hotwatch-program (getenv "HW"))
(add-to-list 'eglot-server-programs
             (list 'c-mode (getenv "HW") "lsp"))

(defun client-errors ()
  "The lines of flymake's errors and who reported each."
  (mapcar (lambda (d)
            (cons (line-number-at-pos (flymake-diagnostic-beg d))
                  (flymake-diagnostic-backend d)))
          (seq-filter (lambda (d)
                        (memq (flymake-diagnostic-type d)
                              '(:error eglot-error)))
                      (flymake-diagnostics))))

(find-file "counter.c")
(hotwatch-mode 1)
(apply #'eglot (eglot--guess-contact))
(dolist (backend '(eglot-flymake-backend hotwatch-flymake))
  (client-wait (format "%s as a backend of flymake" backend)
               (lambda () (memq backend flymake-diagnostic-functions)))
  (flymake-start)
  (client-wait (format "an error by %s" backend)
               (lambda () (member (cons client-line backend)
                                  (client-errors)))))
(eglot-shutdown (eglot-current-server))
(client-wait "hotwatch alone as a backend of flymake"
             (lambda () (equal flymake-diagnostic-functions
                               '(hotwatch-flymake))))
(hotwatch-mode -1)
;;; client-eglot.el ends here
