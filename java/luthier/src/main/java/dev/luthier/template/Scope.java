package dev.luthier.template;

import java.util.HashMap;
import java.util.Map;

/** The variables of a block of the template, on top of those around it. */
final class Scope {
    private final Scope outer;
    private final Map<String, Object> variables;

    private Scope(Scope outer, Map<String, Object> variables) {
        this.outer = outer;
        this.variables = variables;
    }

    /** The outermost scope; the given variables are only read. */
    static Scope outermost(Map<String, ?> variables) {
        return new Scope(null, Map.copyOf(variables));
    }

    Scope inner() {
        return new Scope(this, new HashMap<>());
    }

    void set(String name, Object value) {
        variables.put(name, value);
    }

    Object get(String name) {
        for (Scope s = this; s != null; s = s.outer) {
            Object value = s.variables.get(name);
            if (value != null || s.variables.containsKey(name)) {
                return value;
            }
        }
        return Undefined.name(name);
    }
}
