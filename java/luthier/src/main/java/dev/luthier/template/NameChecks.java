package dev.luthier.template;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What the parser must know about names before anything runs: an unknown filter or test is an error of the template,
 * except under an {@code if}, where templates ask first; and a macro takes {@code caller}, {@code varargs} and
 * {@code kwargs} only where its body reads them.
 */
final class NameChecks {
    private final List<TemplateException> pending = new ArrayList<>();
    private TemplateException first;
    private Set<String> read = new HashSet<>();

    int mark() {
        return pending.size();
    }

    void unknown(String message, int line) {
        pending.add(TokenStream.error(message, line));
    }

    /** What was found since the mark stands under an {@code if}: it may fail when it is reached. */
    void soften(int mark) {
        pending.subList(mark, pending.size()).clear();
    }

    /** What was found since the mark can no longer come under an {@code if}. */
    void harden(int mark) {
        List<TemplateException> hard = pending.subList(mark, pending.size());
        for (TemplateException e : hard) {
            if (first == null || e.line() < first.line()) {
                first = e;
            }
        }
        hard.clear();
    }

    /** Throws the first hard error. */
    void finish() {
        harden(0);
        if (first != null) {
            throw first;
        }
    }

    void read(String name) {
        read.add(name);
    }

    /** Starts to collect names for one macro; hand the result to {@link #endMacro}. */
    Set<String> startMacro() {
        Set<String> outer = read;
        read = new HashSet<>();
        return outer;
    }

    /** Returns the names read since {@link #startMacro}; they count as read outside, too. */
    Set<String> endMacro(Set<String> outer) {
        Set<String> inner = read;
        outer.addAll(inner);
        read = outer;
        return inner;
    }
}
