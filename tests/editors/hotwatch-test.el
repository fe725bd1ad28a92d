;;; hotwatch-test.el --- Tests of hotwatch.el -*- lexical-binding: t; -*-
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; Emacs in batch, the real server, watcher and counter.  emacs.sh prepares the
;; project p and runs this there.  Each test leaves the source as it found it.

;;; Code:

(require 'ert)
(require 'hotwatch)

(setq make-backup-files nil)
(setq create-lockfiles nil)
(setq hotwatch-program (getenv "HW"))
(defvar hotwatch-test-limit (string-to-number (getenv "WAIT_LIMIT")))
(defvar hotwatch-test-program nil "The counter's process.")

(defun hotwatch-test-wait (what predicate)
  "Wait until PREDICATE gives something, and return that; WHAT names it."
  (let ((end (+ (float-time) hotwatch-test-limit))
        value)
    (while (not (setq value (funcall predicate)))
      (when (> (float-time) end)
        (error "%s has not come about; the mode line is %s, the status %S"
               what (hotwatch-mode-line) (hotwatch-status)))
      (accept-process-output nil 0.02))
    value))

(defun hotwatch-test-state (state)
  "Wait until the project is in STATE."
  (hotwatch-test-wait
   state
   (lambda () (and (equal state (plist-get (hotwatch-status) :state))
                   (hotwatch-status)))))

(defun hotwatch-test-start ()
  "Start the counter, and wait until it answers.
Else its process might be born in a version that comes meanwhile."
  (let (answered)
    (setq hotwatch-test-program
          (make-process :name "counter"
                        :command (list (expand-file-name "counter"))
                        :connection-type 'pipe :noquery t
                        :filter (lambda (&rest _) (setq answered t))))
    (process-send-string hotwatch-test-program "print\n")
    (hotwatch-test-wait "an answer of the counter" (lambda () answered))))

(defun hotwatch-test-stop ()
  "End the counter."
  (delete-process hotwatch-test-program))

(defun hotwatch-test-edit (old new)
  "Replace OLD by NEW in the current buffer, and save it."
  (save-excursion
    (goto-char (point-min))
    (search-forward old)
    (replace-match new t t))
  (save-buffer))

(defun hotwatch-test-problems (type)
  "The lines at which flymake has diagnostics of TYPE, with their texts."
  (mapcar (lambda (d)
            (cons (line-number-at-pos (flymake-diagnostic-beg d))
                  (flymake-diagnostic-text d)))
          (seq-filter (lambda (d) (eq type (flymake-diagnostic-type d)))
                      (flymake-diagnostics))))

(defun hotwatch-test-line (text)
  "The line where TEXT is."
  (save-excursion
    (goto-char (point-min))
    (search-forward text)
    (line-number-at-pos)))

(defmacro hotwatch-test-in (&rest body)
  "Evaluate BODY in the counter's source, the mode on, the program running."
  (declare (indent 0) (debug t))
  `(with-current-buffer (find-file-noselect "counter.c")
     (let ((source (buffer-string)))
       (hotwatch-test-start)
       (unwind-protect
           (progn
             (hotwatch-mode 1)
             (flymake-start)
             (hotwatch-test-wait
              "the program"
              (lambda () (equal (process-id hotwatch-test-program)
                                (plist-get (hotwatch-status) :pid))))
             (hotwatch-test-wait
              "what is on disk to be live"
              (lambda () (equal 0 (plist-get (hotwatch-status) :behind))))
             ,@body)
         (hotwatch-test-stop)
         (hotwatch-test-wait
          "its end"
          (lambda () (equal 0 (plist-get (hotwatch-status) :targets))))
         (erase-buffer)
         (insert source)
         (save-buffer)
         (hotwatch-mode -1)))))

(ert-deftest hotwatch-test-save-is-shown ()
  (hotwatch-test-in
    (hotwatch-test-edit "the sum is" "sum:")
    (let ((status (hotwatch-test-state "live")))
      (should (string-match-p "\\` HW\\[v1 [0-9]+ms\\]\\'"
                              (hotwatch-mode-line)))
      (should (> (plist-get status :ms) 0)))))

(ert-deftest hotwatch-test-error-and-refusal-are-at-their-lines ()
  (hotwatch-test-in
    (hotwatch-test-edit "int n = flag;" "int n = flg;")
    (hotwatch-test-state "error")
    (let ((found (hotwatch-test-wait
                  "the error" (lambda () (hotwatch-test-problems :error)))))
      (should (equal (caar found) (hotwatch-test-line "flg")))
      (should (string-match-p "flg" (cdar found)))
      (should (string-match-p "counter.c:[0-9]+: 'flag' declared here"
                              (cdar found))))
    (hotwatch-test-edit "int n = flg;" "int n = flag;")
    (hotwatch-test-wait
     "its mending" (lambda () (not (hotwatch-test-problems :error))))
    (hotwatch-test-edit "int n = flag;" "int n = flag.a[0];")
    (hotwatch-test-edit "int flag = 1;" "struct { int a[9]; } flag = {{1}};")
    (hotwatch-test-state "refused")
    (should (equal (hotwatch-mode-line) " HW[refused]"))
    (let ((found (hotwatch-test-wait
                  "it" (lambda () (hotwatch-test-problems :error)))))
      (should (equal (caar found) (hotwatch-test-line "flag = {{1}}")))
      (should (string-match-p "\\[unsafe\\]" (cdar found))))
    (hotwatch-test-edit "struct { int a[9]; } flag = {{1}};" "int flag = 1;")
    (hotwatch-test-edit "int n = flag.a[0];" "int n = flag;")
    (hotwatch-test-wait
     "its mending" (lambda () (not (hotwatch-test-problems :error))))))

(ert-deftest hotwatch-test-holders-are-named-and-listed ()
  (hotwatch-test-in
    (hotwatch-test-edit "the sum is" "sum:")
    (hotwatch-test-wait "the holders" (lambda () hotwatch--holder-overlays))
    (let ((texts (mapcar (lambda (o) (overlay-get o 'after-string))
                         hotwatch--holder-overlays)))
      (should (member "  ◄ process 1 (counter) runs v0 here" texts))
      (should (member "  ◄ main thread runs v0 here" texts)))
    (hotwatch-test-wait
     "their notes" (lambda () (hotwatch-test-problems :note)))
    (save-window-excursion
      (hotwatch-list-holders)
      (should (equal (buffer-name) "*hotwatch holders*"))
      (goto-char (point-min))
      (search-forward "process 1 (counter)")
      (hotwatch-holders-visit)
      (should (equal (buffer-name) "counter.c"))
      (should (save-excursion
                (beginning-of-line)
                (looking-at-p ".*hw_receive")))
      (kill-buffer "*hotwatch holders*"))))

(ert-deftest hotwatch-test-load-purge-rollback ()
  (hotwatch-test-in
    (let (said)
      (cl-letf (((symbol-function 'message)
                 (lambda (&rest args)
                   (when (car args)
                     (push (apply #'format args) said)))))
        (cl-flet ((wait-said
                   (pattern)
                   (hotwatch-test-wait
                    pattern (lambda ()
                              (seq-find (lambda (s) (string-match-p pattern s))
                                        said)))))
          (goto-char (point-min))
          (search-forward "the sum is")
          (replace-match "sum:")
          (should hotwatch--edited-overlays)
          (should (eq (lookup-key hotwatch-mode-map (kbd "C-c C-k"))
                      'hotwatch-load))
          (hotwatch-load)
          (should-not (buffer-modified-p))
          (wait-said "counter v1 live in .* in pid [0-9]+")
          (hotwatch-test-wait "nothing to be edited and not live"
                              (lambda () (not hotwatch--edited-overlays)))
          (hotwatch-soft-purge)
          (wait-said "not_purged: counter is still held: .*main thread")
          (hotwatch-rollback)
          (wait-said "counter v2 live")
          (hotwatch-show-status)
          (wait-said "counter, pid [0-9]+: "))))))

(ert-deftest hotwatch-test-lost-program-is-told-and-found-again ()
  (hotwatch-test-in
    (hotwatch-test-stop)
    (hotwatch-test-state "lost")
    (should (equal (hotwatch-mode-line) " HW[lost]"))
    (hotwatch-test-start)
    (hotwatch-test-state "attached")
    (should (equal (hotwatch-mode-line)
                   (format " HW[pid %d]"
                           (process-id hotwatch-test-program))))))

(ert-deftest hotwatch-test-server-that-dies-is-told-and-started-by-a-save ()
  (hotwatch-test-in
    (delete-process (jsonrpc--process hotwatch--connection))
    (hotwatch-test-state "lost")
    (hotwatch-test-edit "the sum is" "sum:")
    (hotwatch-test-state "live")))

(ert-deftest hotwatch-test-program-that-is-not-there-is-named ()
  (with-current-buffer (find-file-noselect "counter.c")
    (let ((hotwatch-program "/no/such"))
      (should (string-match-p
               "/no/such.*hotwatch-program"
               (cadr (should-error (hotwatch-mode 1) :type 'user-error)))))
    (should-not hotwatch-mode)))

(ert-deftest hotwatch-test-mode-leaves-nothing-behind ()
  (hotwatch-test-in)
  (with-current-buffer "counter.c"
    (should-not hotwatch--connection)
    (should-not (overlays-in (point-min) (point-max)))
    (should-not (memq #'hotwatch-flymake flymake-diagnostic-functions)))
  (hotwatch-test-wait "the servers' ends"
                      (lambda () (not (seq-some
                                       (lambda (p)
                                         (string-prefix-p "hotwatch "
                                                          (process-name p)))
                                       (seq-filter #'process-live-p
                                                   (process-list)))))))

(provide 'hotwatch-test)
;;; hotwatch-test.el ends here
