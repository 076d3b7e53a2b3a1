package dev.luthier.cli;

import java.io.PrintWriter;
import java.io.StringWriter;

/** Runs a command in this process and keeps what it said. */
record Cli(int code, String out, String err) {
    static Cli run(String... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int code = Main.run(new PrintWriter(out), new PrintWriter(err), args);
        return new Cli(code, out.toString(), err.toString());
    }

    /** Fails with what the command said when it did not end well. */
    Cli ok() {
        if (code != 0) throw new AssertionError("exit code " + code + ": " + err);
        return this;
    }

    /** The last line of standard error: the sentence of a failure. */
    String sentence() {
        String[] lines = err.strip().split("\n");
        return lines[lines.length - 1];
    }
}
