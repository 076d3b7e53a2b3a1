package dev.luthier.cli;

import dev.luthier.io.TensorSink;
import java.io.Console;
import java.io.PrintWriter;
import java.util.Locale;

/** A line that is rewritten in place on a terminal and does not exist in a pipe: what is done, how far, how fast, how long still. */
final class Terminal {
    private static final long INTERVAL_NANOS = 100_000_000L;

    private final PrintWriter err;
    private final boolean live;
    private long last;
    private int width;

    Terminal(PrintWriter err) {
        this.err = err;
        Console console = System.console();
        this.live = console != null && console.isTerminal();
    }

    /** True on a terminal. */
    boolean live() {
        return live;
    }

    /** Shows a line, at most ten times a second. */
    void show(String line) {
        long now = System.nanoTime();
        if (!live || now - last < INTERVAL_NANOS) return;
        last = now;
        paint(line);
    }

    private void paint(String line) {
        err.print("\r" + line + " ".repeat(Math.max(0, width - line.length())));
        err.flush();
        width = line.length();
    }

    /** Removes the line. */
    void clear() {
        if (width == 0) return;
        paint("");
        err.print("\r");
        err.flush();
        width = 0;
    }

    /** Prints a line that stays, above the live one. */
    void println(String line) {
        clear();
        err.println(line);
    }

    /** Progress in bytes of some work with a known total. */
    TensorSink.Progress bytes(String what) {
        long start = System.nanoTime();
        return (done, total) -> {
            double seconds = (System.nanoTime() - start) / 1e9;
            double rate = done / Math.max(seconds, 1e-3);
            show(String.format(Locale.ROOT, "%s %3d%%  %s of %s  %s/s  %s left", what, total == 0 ? 100 : done * 100 / total, size(done), size(total),
                    size((long) rate), duration((total - done) / Math.max(rate, 1))));
        };
    }

    /** "1.5 GB". */
    static String size(long bytes) {
        if (bytes < 1000) return bytes + " B";
        double value = bytes;
        String[] units = {"kB", "MB", "GB", "TB"};
        int u = -1;
        while (value >= 999.5 && u < units.length - 1) {
            value /= 1000;
            u++;
        }
        return String.format(Locale.ROOT, value < 10 ? "%.2f %s" : value < 100 ? "%.1f %s" : "%.0f %s", value, units[u]);
    }

    /** "3:07" or "2:03:07". */
    static String duration(double seconds) {
        long s = Math.round(Math.min(seconds, 360_000));
        return s < 3600 ? String.format(Locale.ROOT, "%d:%02d", s / 60, s % 60)
                : String.format(Locale.ROOT, "%d:%02d:%02d", s / 3600, s / 60 % 60, s % 60);
    }
}
