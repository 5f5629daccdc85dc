# SPDX-License-Identifier: GPL-2.0-only
# The picture of "scripts/measure vpmu": how much of its work a guest counts.
set terminal svg size 640,400 font "sans-serif,13" background "#ffffff"
set output picture
set title "What a guest's counters count, all in use, beside pinned events of the host"
set xlabel "counters that pinned events of the host have"
set ylabel "percent of the guest's instructions"
set yrange [0:110]
set key left bottom
set grid ytics
plot data using 1:3 with linespoints linewidth 2 pointtype 7 title "mediated", \
     data using 1:5 with linespoints linewidth 2 pointtype 5 title "emulated"
