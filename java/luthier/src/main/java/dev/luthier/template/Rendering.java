package dev.luthier.template;

import java.time.Clock;
import java.time.LocalDateTime;
import java.util.LinkedHashMap;
import java.util.Map;

/** The state of one rendering: where text goes, how much may still be done, which line is being worked on. */
final class Rendering {
    private final Meter meter;
    private final Clock clock;
    private final Evaluator evaluator = new Evaluator(this);
    private final Executor executor = new Executor(this, evaluator);
    private Output out;
    private boolean autoEscape;
    private int line = 1;

    private Rendering(Limits limits, Clock clock) {
        this.meter = new Meter(limits);
        this.clock = clock;
        this.out = new Output(meter);
    }

    /** Renders a template once. */
    static Rendered render(Parser.Template template, Map<String, ?> variables, Limits limits, Clock clock) {
        Rendering r = new Rendering(limits, clock);
        try {
            Map<String, Object> copies = new LinkedHashMap<>();
            variables.forEach((name, value) -> copies.put(name, Values.fromJava(r.meter, value, name, 0)));
            Scope root = Scope.outermost(Globals.ALL).inner();
            copies.forEach(root::set);
            r.executor.run(template.body(), root.inner());
            return r.out.rendered();
        } catch (Failure e) {
            throw e.at(r.line);
        } catch (StackOverflowError e) {
            throw Failure.limit("values or expressions nest too deep for the stack").at(r.line);
        }
    }

    Meter meter() {
        return meter;
    }

    Evaluator evaluator() {
        return evaluator;
    }

    Executor executor() {
        return executor;
    }

    LocalDateTime now() {
        return LocalDateTime.now(clock);
    }

    Output out() {
        return out;
    }

    int line() {
        return line;
    }

    void at(int current) {
        line = current;
    }

    boolean autoEscape() {
        return autoEscape;
    }

    void autoEscape(boolean on) {
        autoEscape = on;
    }

    /** Text made by the template itself, which needs no escaping when that is on. */
    Object ownText(String text) {
        return autoEscape ? new Markup(text) : text;
    }

    /** Runs something and returns what it wrote instead of letting it through. */
    String capture(Runnable writer) {
        Output outer = out;
        out = new Output(meter);
        writer.run();
        String text = out.text();
        out = outer;
        return text;
    }

    /** Writes a value as {@code {{ }}} does. */
    void print(Object value) {
        String text = PythonText.str(meter, value);
        out.write(autoEscape && !(value instanceof Markup) ? Text.escapeHtml(text) : text);
    }
}
