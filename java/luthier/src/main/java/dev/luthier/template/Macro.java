package dev.luthier.template;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A macro, or the body of a {@code call} block, together with the variables around its definition.
 *
 * @param body what was written
 * @param closure where it was written
 */
record Macro(Stmt.MacroBody body, Scope closure) implements Callable {
    String name() {
        return body.name();
    }

    @Override
    public Object call(Rendering rendering, Arguments arguments) {
        return rendering.ownText(rendering.capture(() -> write(rendering, arguments)));
    }

    /** Runs the macro, letting its text go where the rendering writes. */
    void write(Rendering rendering, Arguments arguments) {
        rendering.meter().enter();
        int line = rendering.line();
        rendering.executor().run(body.body(), bind(rendering, arguments));
        rendering.at(line);
        rendering.meter().leave();
    }

    private Scope bind(Rendering rendering, Arguments arguments) {
        Scope scope = closure.inner();
        List<Object> positional = arguments.positional();
        Map<String, Object> named = new LinkedHashMap<>(arguments.keyword());
        List<String> parameters = body.parameters();
        for (int i = 0; i < parameters.size(); i++) {
            String parameter = parameters.get(i);
            if (i < positional.size()) {
                scope.set(parameter, positional.get(i));
            } else if (named.containsKey(parameter)) {
                scope.set(parameter, named.remove(parameter));
            } else if (body.defaults().get(i) != null) {
                scope.set(parameter, rendering.evaluator().value(body.defaults().get(i), scope));
            } else {
                scope.set(parameter, Undefined.because("parameter '" + parameter + "' was not provided"));
            }
        }
        if (body.usesCaller()) {
            Object caller = named.remove("caller");
            scope.set("caller", caller == null ? Undefined.because("No caller defined") : caller);
        }
        if (body.usesKwargs()) {
            Dict rest = new Dict();
            named.forEach((name, value) -> rest.put(rendering.meter(), name, value));
            scope.set("kwargs", rest);
        } else if (!named.isEmpty()) {
            throw Failure.of("macro '" + name() + "' takes no keyword argument '" + named.keySet().iterator().next()
                    + "'");
        }
        int used = Math.min(parameters.size(), positional.size());
        if (body.usesVarargs()) {
            scope.set("varargs", new Tuple(positional.subList(used, positional.size())));
        } else if (positional.size() > used) {
            throw Failure.of("macro '" + name() + "' takes not more than " + parameters.size() + " argument(s)");
        }
        return scope;
    }
}
