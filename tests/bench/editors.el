;;; editors.el --- What Emacs takes to show it -*- lexical-binding: t; -*-
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; Run in the project p of editors.sh, whose program runs.  Writes figures.json:
;; milliseconds from a save to the status shown less those from the save to live
;; that the watcher itself measures (and the command line shows); and how long
;; Emacs is busy at a time with many diagnostics and holders.

;;; Code:

(require 'hotwatch)
(require 'json)

(setq make-backup-files nil
      create-lockfiles nil
      hotwatch-program (getenv "HW"))

(defconst bench-saves 30)

(defun bench-wait (predicate)
  "Wait until PREDICATE gives something, and return it."
  (let (value)
    (while (not (setq value (funcall predicate)))
      (accept-process-output nil 0.001))
    value))

(defun bench-busy (function)
  "Milliseconds of processor time that calling FUNCTION takes."
  (let ((began (get-internal-run-time)))
    (funcall function)
    (* 1000 (float-time (time-subtract (get-internal-run-time) began)))))

(defun bench-save (number)
  "Save the source with NUMBER in it; what showing it took more than loading."
  (goto-char (point-min))
  (search-forward-regexp "return [0-9]+;")
  (replace-match (format "return %d;" number))
  (let ((began (float-time))
        (seq (plist-get (hotwatch-status) :seq)))
    (save-buffer)
    (bench-wait (lambda () (and (equal "live" (plist-get (hotwatch-status)
                                                         :state))
                                (> (plist-get (hotwatch-status) :seq) seq))))
    (hotwatch-mode-line)
    (- (* 1000 (- (float-time) began))
       (plist-get (hotwatch-status) :ms))))

(defun bench-saves ()
  "All saves, the first few not counted."
  (find-file "work.c")
  (hotwatch-mode 1)
  (bench-wait (lambda () (and (plist-get (hotwatch-status) :pid)
                              (equal 0 (plist-get (hotwatch-status) :behind)))))
  (dotimes (i 3)
    (bench-save (+ 1000 i)))
  (let (all)
    (dotimes (i bench-saves)
      (push (bench-save (+ 2000 i)) all))
    (sort all #'<)))

(defun bench-diagnostics (n)
  "N diagnostics of the server, a line each."
  (vconcat
   (mapcar (lambda (i)
             `( :range ( :start (:line ,i :character 4)
                         :end (:line ,i :character 8))
                :severity 2 :source "hotwatch" :code "-Wunused"
                :message ,(format "unused variable 'x%d' [-Wunused]" i)))
           (number-sequence 0 (1- n)))))

(defun bench-longest (n)
  "The longest that Emacs is busy at a time with N diagnostics."
  (let ((longest 0) (value (bench-diagnostics n)))
    (cl-letf* ((slice (symbol-function 'hotwatch--report-slice))
               ((symbol-function 'hotwatch--report-slice)
                (lambda (&rest args)
                  (setq longest (max longest
                                     (bench-busy
                                      (lambda () (apply slice args))))))))
      (garbage-collect)
      (hotwatch--set-diagnostics
       hotwatch--connection (list :uri hotwatch--uri :diagnostics value))
      (bench-wait (lambda () (= n (length (flymake-diagnostics))))))
    longest))

(defun bench-files (n each)
  "N files with EACH diagnostics, of which none is open."
  (let ((values (bench-diagnostics each)))
    (bench-busy
     (lambda ()
       (dotimes (i n)
         (hotwatch--set-diagnostics
          hotwatch--connection
          (list :uri (format "file:///x/%d.c" i) :diagnostics values)))))))

(defun bench-holders (n)
  "N holders, in the buffer's overlays and the list."
  (hotwatch-list-holders)
  (let ((conn hotwatch--connection)
        (file (buffer-file-name (get-file-buffer "work.c"))))
    (bench-busy
     (lambda ()
       (hotwatch--set-holders
        conn (list :holders
                   (vconcat
                    (mapcar (lambda (i)
                              (list :pid (+ 1000 i) :target "worker" :module "m"
                                    :version 3 :who "main thread"
                                    :where "main (work.c:1)" :file file
                                    :line (1+ (% i 50))))
                            (number-sequence 1 n)))))))))

(let* ((all (bench-saves))
       (status (append '(:targets 100) (hotwatch-status)))
       (figures
        (list :median (nth (/ bench-saves 2) all)
              :high (nth (/ (* 9 bench-saves) 10) all)
              :holders (save-window-excursion
                         (save-current-buffer (bench-holders 100)))
              :slice (progn
                       (erase-buffer)
                       (dotimes (i 10000)
                         (insert (format "    int x%d = %d;\n" i i)))
                       (bench-longest 10000))
              :files (bench-files 1000 10)
              :status (bench-busy
                       (lambda ()
                         (hotwatch--set-status hotwatch--connection status)
                         (hotwatch-mode-line))))))
  (with-temp-file (expand-file-name "figures.json")
    (insert (json-encode figures))))
(kill-emacs 0)

;;; editors.el ends here
