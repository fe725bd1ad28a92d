;;; client-lib.el --- What tests of LSP clients in Emacs share -*- lexical-binding: t; -*-
;; SPDX-License-Identifier: MIT

;;; Code:

(defvar client-line (string-to-number (getenv "LINE"))
  "Where the error is.")

(defun client-wait (what predicate)
  "Wait until PREDICATE gives something, and return that; WHAT names it."
  (let ((end (+ (float-time) (string-to-number (getenv "WAIT_LIMIT"))))
        value)
    (while (not (setq value (funcall predicate)))
      (when (> (float-time) end)
        (error "%s has not come about" what))
      (accept-process-output nil 0.02))
    value))

(provide 'client-lib)
;;; client-lib.el ends here
