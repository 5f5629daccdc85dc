# SPDX-License-Identifier: GPL-2.0-only
# The picture of "scripts/measure cost".
set terminal svg size 640,400 font "sans-serif,13" background "#ffffff"
set output picture
set title "Retired instructions of one guest entry and exit in perf"
set xlabel "host events on the CPU (six counters)"
set ylabel "instructions"
set yrange [0:*]
set xrange [0.4:80]
set key left top
set grid ytics
set logscale x 2
# Zero has no logarithm: it stands where a half would.
set xtics ("0" 0.5, "1" 1, "4" 4, "16" 16, "64" 64)
x(n) = n == 0 ? 0.5 : n
plot data using (x($1)):2 with linespoints linewidth 2 pointtype 7 title "rfc: perf\\_guest\\_enter(), perf\\_guest\\_exit()", \
     data using (x($1)):4 with linespoints linewidth 2 pointtype 5 title "mediated: load, put"
