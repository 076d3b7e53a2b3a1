package dev.luthier.template;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Computes expressions. */
final class Evaluator {
    private final Rendering rendering;

    Evaluator(Rendering rendering) {
        this.rendering = rendering;
    }

    Object value(Expr e, Scope scope) {
        Meter meter = rendering.meter();
        meter.step();
        switch (e) {
            case Expr.Literal x -> {
                return x.value();
            }
            case Expr.Name x -> {
                return scope.get(x.name());
            }
            case Expr.TupleOf x -> {
                return new Tuple(values(x.items(), scope));
            }
            case Expr.ListOf x -> {
                return values(x.items(), scope);
            }
            case Expr.DictOf x -> {
                Dict dict = new Dict();
                for (int i = 0; i < x.keys().size(); i++) {
                    dict.put(meter, value(x.keys().get(i), scope), value(x.values().get(i), scope));
                }
                return dict;
            }
            case Expr.Signed x -> {
                Object operand = value(x.operand(), scope);
                rendering.at(x.line());
                return Arithmetic.sign(x.operator(), operand);
            }
            case Expr.Binary x -> {
                Object left = value(x.left(), scope);
                Object right = value(x.right(), scope);
                rendering.at(x.line());
                return Arithmetic.binary(rendering, x.operator(), left, right);
            }
            case Expr.Logical x -> {
                Object left = value(x.left(), scope);
                return Values.truth(left) == x.and() ? value(x.right(), scope) : left;
            }
            case Expr.Not x -> {
                return !Values.truth(value(x.operand(), scope));
            }
            case Expr.Compare x -> {
                return compare(x, scope);
            }
            case Expr.Concat x -> {
                return concat(x, scope);
            }
            case Expr.Conditional x -> {
                if (Values.truth(value(x.test(), scope))) {
                    return value(x.then(), scope);
                }
                return x.otherwise() != null ? value(x.otherwise(), scope) : Undefined.because("the inline if-expression"
                        + " on line " + x.line() + " evaluated to false and no else section was defined");
            }
            case Expr.Attribute x -> {
                Object target = value(x.target(), scope);
                rendering.at(x.line());
                return Attributes.attribute(rendering, target, x.name());
            }
            case Expr.Item x -> {
                Object target = value(x.target(), scope);
                Object key = value(x.key(), scope);
                rendering.at(x.line());
                return Attributes.item(rendering, target, key);
            }
            case Expr.Slice x -> {
                Object target = value(x.target(), scope);
                Object start = orNull(x.start(), scope);
                Object stop = orNull(x.stop(), scope);
                Object step = orNull(x.step(), scope);
                rendering.at(x.line());
                return Slices.slice(meter, target, start, stop, step);
            }
            case Expr.Call x -> {
                Object callee = value(x.callee(), scope);
                Arguments arguments = arguments(x.arguments(), scope);
                rendering.at(x.line());
                return call(callee, arguments);
            }
            case Expr.Filter x -> {
                return filter(x, value(x.input(), scope), scope);
            }
            case Expr.Test x -> {
                Object input = value(x.input(), scope);
                Arguments arguments = arguments(x.arguments(), scope);
                rendering.at(x.line());
                return Predicates.test(rendering, x.name(), input, arguments);
            }
        }
    }

    private Object orNull(Expr e, Scope scope) {
        return e == null ? null : value(e, scope);
    }

    private List<Object> values(List<Expr> items, Scope scope) {
        List<Object> values = new ArrayList<>(items.size());
        for (Expr item : items) {
            values.add(value(item, scope));
        }
        return values;
    }

    private Object filter(Expr.Filter x, Object input, Scope scope) {
        Arguments arguments = arguments(x.arguments(), scope);
        rendering.at(x.line());
        return Filters.apply(rendering, x.name(), input, arguments);
    }

    /** Sends a block's text through a chain of filters. */
    Object filterText(Expr.Filter chain, Object text, Scope scope) {
        Object input = chain.input() instanceof Expr.Filter before ? filterText(before, text, scope) : text;
        return filter(chain, input, scope);
    }

    private boolean compare(Expr.Compare x, Scope scope) {
        Meter meter = rendering.meter();
        Object left = value(x.first(), scope);
        for (int i = 0; i < x.others().size(); i++) {
            Object right = value(x.others().get(i), scope);
            rendering.at(x.line());
            String operator = x.operators().get(i);
            boolean holds = switch (operator) {
                case "in" -> Comparison.contains(meter, right, left);
                case "not in" -> !Comparison.contains(meter, right, left);
                default -> Comparison.test(meter, operator, left, right);
            };
            if (!holds) {
                return false;
            }
            left = right;
        }
        return true;
    }

    private Object concat(Expr.Concat x, Scope scope) {
        Meter meter = rendering.meter();
        StringBuilder text = new StringBuilder();
        boolean escape = false;
        List<Object> values = values(x.items(), scope);
        for (Object v : values) {
            escape |= rendering.autoEscape() && v instanceof Markup;
        }
        for (Object v : values) {
            String s = PythonText.str(meter, v);
            text.append(escape && !(v instanceof Markup) ? Text.escapeHtml(s) : s);
            meter.fits(text.length());
        }
        String made = meter.made(text.toString());
        return escape ? new Markup(made) : made;
    }

    Arguments arguments(Expr.CallSite site, Scope scope) {
        if (site == Expr.CallSite.EMPTY) {
            return Arguments.NONE;
        }
        Meter meter = rendering.meter();
        List<Object> positional = values(site.positional(), scope);
        Map<String, Object> named = new LinkedHashMap<>();
        for (int i = 0; i < site.names().size(); i++) {
            named.put(site.names().get(i), value(site.named().get(i), scope));
        }
        if (site.star() != null) {
            positional.addAll(Values.list(meter, value(site.star(), scope)));
        }
        if (site.starStar() != null) {
            if (!(value(site.starStar(), scope) instanceof Dict dict)) {
                throw Failure.of("the argument after ** must be a mapping");
            }
            for (int i = 0; i < dict.size(); i++) {
                meter.step();
                String name = Values.requireText(dict.keys().get(i), "a key of the argument after **");
                if (named.put(name, dict.values().get(i)) != null) {
                    throw Failure.of("got multiple values for keyword argument '" + name + "'");
                }
            }
        }
        return new Arguments(positional, named);
    }

    Object call(Object callee, Arguments arguments) {
        return switch (callee) {
            case Callable c -> c.call(rendering, arguments);
            case LoopContext loop -> loop.recurse(arguments);
            case Undefined u -> throw u.failure();
            case null, default -> throw Failure.of("'" + Values.typeName(callee) + "' object is not callable");
        };
    }
}
