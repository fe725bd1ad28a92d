;;; play.el --- What an editor must show, in Emacs -*- lexical-binding: t; -*-
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; Plays the case in the file $CASE (case.bash) in Emacs in batch: the real
;; server, watcher and program.

;;; Code:

(require 'hotwatch-test)
(require 'json)

(defvar play-case
  (let ((json-object-type 'plist) (json-key-type 'keyword)
        (json-array-type 'list))
    (json-read-file (getenv "CASE"))))

(defun play-get (&rest keys)
  "What the case has under KEYS."
  (let ((value play-case))
    (dolist (key keys value)
      (setq value (plist-get value key)))))

(defun play-step (what)
  "Say WHAT comes now."
  (princ (format "    %s\n" what)))

(defun play-run (command)
  "What COMMAND, a list, prints."
  (let ((default-directory (file-name-as-directory (play-get :folder))))
    (with-temp-buffer
      (apply #'call-process (car command) nil t nil (cdr command))
      (string-trim (buffer-string)))))

(defun play-behaves (wanted)
  "The program answers WANTED."
  (should (equal (play-run (play-get :ask)) wanted)))

(defun play-in-step ()
  "Wait until the other editor shows what this one does."
  (when-let ((command (play-get :companion)))
    (hotwatch-test-wait
     "the other editor in step"
     (lambda ()
       (equal (concat " " (play-run command)) (hotwatch-mode-line))))))

(defun play-start ()
  "Start the program, and wait until it is attached and up to date."
  (let ((default-directory (file-name-as-directory (play-get :folder))))
    (setq hotwatch-test-program
          (make-process :name "program" :command (play-get :start)
                        :connection-type 'pipe :noquery t)))
  (hotwatch-test-wait
   "the program" (lambda ()
                   (and (equal (process-id hotwatch-test-program)
                               (plist-get (hotwatch-status) :pid))
                        (equal 0 (plist-get (hotwatch-status) :behind))))))

(defun play-problem (type text)
  "Wait for a diagnostic of TYPE on the line with TEXT, and return its text."
  (cdr (hotwatch-test-wait
        (format "%s at %s" type text)
        (lambda ()
          (assoc (hotwatch-test-line text) (hotwatch-test-problems type))))))

(defun play-mended ()
  "Wait until nothing is wrong."
  (hotwatch-test-wait
   "its mending" (lambda () (and (not (hotwatch-test-problems :error))
                                 (not (member (plist-get (hotwatch-status)
                                                         :state)
                                              '("error" "refused"
                                                "building")))))))

(defun play-says (pattern command)
  "Call COMMAND and wait until a message matches PATTERN."
  (let (said)
    (cl-letf (((symbol-function 'message)
               (lambda (&rest args)
                 (when (car args)
                   (push (apply #'format args) said)))))
      (funcall command)
      (hotwatch-test-wait
       pattern (lambda () (seq-find (lambda (text)
                                      (string-match-p pattern text))
                                    said))))))

(defun play-open (file)
  "Visit FILE with the mode on."
  (set-buffer (find-file-noselect file))
  (setq-local show-trailing-whitespace nil)
  (unless hotwatch-mode
    (hotwatch-mode 1)
    (flymake-start)))

(defun play-save ()
  "A save is shown, and one editor shows what the other does."
  (play-behaves (play-get :first))
  (apply #'hotwatch-test-edit (play-get :edit))
  (hotwatch-test-state "live")
  (should (string-match-p "\\` HW\\[v1 [0-9]+ms\\]\\'" (hotwatch-mode-line)))
  (play-in-step))

(defun play-error ()
  "What does not compile is at its line until it is mended."
  (apply #'hotwatch-test-edit (play-get :broken))
  (hotwatch-test-state "error")
  (play-problem :error (play-get :broken_at))
  (play-in-step)
  (apply #'hotwatch-test-edit (reverse (play-get :broken)))
  (play-mended))

(defun play-refusal ()
  "What is refused is at its line until it is reverted."
  (play-open (play-get :unsafe :source))
  (dolist (edit (play-get :unsafe :edits))
    (apply #'hotwatch-test-edit edit))
  (hotwatch-test-state "refused")
  (should (string-match-p "\\[unsafe\\]"
                          (play-problem :error (play-get :unsafe :at))))
  (play-in-step)
  (dolist (edit (reverse (play-get :unsafe :edits)))
    (apply #'hotwatch-test-edit (reverse edit)))
  (play-mended)
  (play-open (play-get :source)))

(defun play-holder ()
  "Who stays in old code is named at the line, and in the list, which goes there."
  (should (string-match-p (regexp-quote (play-get :holder :who))
                          (play-problem :note (play-get :holder :at))))
  (let ((line (hotwatch-test-line (play-get :holder :at))))
    (hotwatch-list-holders)
    (goto-char (point-min))
    (search-forward (play-get :holder :who))
    (hotwatch-holders-visit)
    (should (equal buffer-file-name (play-get :source)))
    (should (equal (line-number-at-pos) line))
    (kill-buffer "*hotwatch holders*")))

(defun play-back-and-forth ()
  "Rollback, loading again, and a purge, from the editor."
  (play-says " v[0-9]+ live in pid" #'hotwatch-rollback)
  (play-behaves (play-get :first))
  (hotwatch-test-state "stale")
  (play-in-step)
  (play-says " live" #'hotwatch-load)
  (hotwatch-test-state "live")
  (play-says (play-get :purge) #'hotwatch-purge))

(defun play-end-and-start ()
  "A program that is killed is shown as lost, one that is started is found."
  (signal-process hotwatch-test-program 'KILL)
  (hotwatch-test-state "lost")
  (should (equal (hotwatch-mode-line) " HW[lost]"))
  (should-not (hotwatch-test-problems :note))
  (play-in-step)
  (play-start)
  (play-behaves (play-get :then))
  (play-in-step))

(ert-deftest play ()
  (play-open (play-get :source))
  (play-start)
  (play-step "save")
  (play-save)
  (play-step "holder")
  (play-holder)
  (play-behaves (play-get :then))
  (play-step "error")
  (play-error)
  (play-step "refusal")
  (play-refusal)
  (play-step "rollback, load, purge")
  (play-back-and-forth)
  (play-step "end, start")
  (play-end-and-start)
  (hotwatch-test-stop))

(ert-run-tests-batch-and-exit 'play)

;;; play.el ends here
