package dev.luthier.template;

import java.util.ArrayList;
import java.util.List;

/** Text that is being written, with the spans of its generated parts. */
final class Output {
    private final Meter meter;
    private final StringBuilder text = new StringBuilder();
    private final List<Span> generationSpans = new ArrayList<>();
    private int openGenerations;
    private int generationStart;

    Output(Meter meter) {
        this.meter = meter;
    }

    void write(String s) {
        meter.fits((long) text.length() + s.length());
        meter.charge(s.length() >> 2);
        text.append(s);
    }

    void startGeneration() {
        if (openGenerations++ == 0) {
            generationStart = text.length();
        }
    }

    void endGeneration() {
        if (--openGenerations == 0) {
            generationSpans.add(new Span(generationStart, text.length()));
        }
    }

    String text() {
        return text.toString();
    }

    Rendered rendered() {
        return new Rendered(text(), generationSpans);
    }
}
