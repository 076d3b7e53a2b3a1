package dev.luthier.template;

import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;

/** Runs statements. */
final class Executor {
    /** How a statement ended. */
    private enum End { ON, BREAK, CONTINUE }

    private final Rendering rendering;
    private final Evaluator evaluator;

    Executor(Rendering rendering, Evaluator evaluator) {
        this.rendering = rendering;
        this.evaluator = evaluator;
    }

    /** Runs statements that no jump can leave. */
    void run(List<Stmt> body, Scope scope) {
        block(body, scope);
    }

    private End block(List<Stmt> body, Scope scope) {
        for (Stmt s : body) {
            rendering.meter().step();
            End end = statement(s, scope);
            if (end != End.ON) {
                return end;
            }
        }
        return End.ON;
    }

    private End statement(Stmt statement, Scope scope) {
        switch (statement) {
            case Stmt.Literal s -> rendering.out().write(s.text());
            case Stmt.Print s -> print(s.expression(), scope);
            case Stmt.If s -> {
                for (Stmt.Branch branch : s.branches()) {
                    if (Values.truth(evaluator.value(branch.test(), scope))) {
                        return block(branch.body(), scope);
                    }
                }
                return block(s.otherwise(), scope);
            }
            case Stmt.For s -> {
                Object iterable = evaluator.value(s.iterable(), scope);
                loop(s, iterable, scope, 0);
            }
            case Stmt.Assign s -> assign(s.target(), evaluator.value(s.value(), scope), scope);
            case Stmt.AssignBlock s -> {
                Scope inner = scope.inner();
                End[] end = new End[1];
                String text = rendering.capture(() -> end[0] = block(s.body(), inner));
                if (end[0] != End.ON) {
                    return end[0];
                }
                Object value = rendering.ownText(text);
                rendering.at(s.line());
                assign(s.target(), s.filter() == null ? value : evaluator.filterText(s.filter(), value, inner), scope);
            }
            case Stmt.Define s -> scope.set(s.macro().name(), new Macro(s.macro(), scope));
            case Stmt.CallBlock s -> call(s.call(), new Macro(s.caller(), scope), scope);
            case Stmt.FilterBlock s -> {
                Scope inner = scope.inner();
                End[] end = new End[1];
                String text = rendering.capture(() -> end[0] = block(s.body(), inner));
                if (end[0] != End.ON) {
                    return end[0];
                }
                rendering.print(evaluator.filterText(s.filter(), rendering.ownText(text), inner));
            }
            case Stmt.With s -> {
                Scope inner = scope.inner();
                for (int i = 0; i < s.targets().size(); i++) {
                    assign(s.targets().get(i), evaluator.value(s.values().get(i), scope), inner);
                }
                return block(s.body(), inner);
            }
            case Stmt.Scoped s -> block(s.body(), scope.inner());
            case Stmt.AutoEscape s -> {
                boolean outer = rendering.autoEscape();
                rendering.autoEscape(Values.truth(evaluator.value(s.on(), scope)));
                End end = block(s.body(), scope.inner());
                rendering.autoEscape(outer);
                return end;
            }
            case Stmt.Generation s -> {
                rendering.out().startGeneration();
                block(s.body(), scope.inner());
                rendering.out().endGeneration();
            }
            case Stmt.Jump s -> {
                return s.next() ? End.CONTINUE : End.BREAK;
            }
            case Stmt.NeedsLoader s -> {
                rendering.at(s.line());
                throw Failure.of("'" + s.tag() + "' needs other templates, and a chat template stands alone");
            }
        }
        return End.ON;
    }

    /** Prints an expression; a macro that is called right here writes through, which keeps its generation spans. */
    private void print(Expr expression, Scope scope) {
        if (expression instanceof Expr.Call call) {
            call(call, null, scope);
        } else {
            rendering.print(evaluator.value(expression, scope));
        }
    }

    private void call(Expr.Call call, Macro caller, Scope scope) {
        Object callee = evaluator.value(call.callee(), scope);
        Arguments plain = evaluator.arguments(call.arguments(), scope);
        Arguments arguments = caller == null ? plain : plain.with("caller", caller);
        rendering.at(call.line());
        if (callee instanceof Macro macro) {
            macro.write(rendering, arguments);
        } else {
            rendering.print(evaluator.call(callee, arguments));
        }
    }

    private void loop(Stmt.For s, Object iterable, Scope scope, int depth) {
        rendering.at(s.line());
        Meter meter = rendering.meter();
        Iterator<Object> elements = Values.iterate(meter, iterable);
        LoopContext.Recursion recursion = !s.recursive() ? null : inner -> {
            meter.enter();
            String text = rendering.capture(() -> loop(s, inner, scope, depth + 1));
            meter.leave();
            return text;
        };
        LoopContext loop = s.test() == null
                ? new LoopContext(elements, Values.lengthOrNone(iterable), recursion, depth)
                : new LoopContext(new Selected(s, elements, scope), -1, recursion, depth);
        boolean any = false;
        while (loop.advance()) {
            any = true;
            Scope inner = scope.inner();
            rendering.at(s.line());
            assign(s.target(), loop.current(), inner);
            inner.set("loop", loop);
            if (block(s.body(), inner) == End.BREAK) {
                break;
            }
        }
        if (!any) {
            block(s.otherwise(), scope.inner());
        }
    }

    /** The elements that pass the {@code if} of a loop, tested one by one as the loop asks for them. */
    private final class Selected implements Iterator<Object> {
        private final Stmt.For loop;
        private final Iterator<Object> elements;
        private final Scope scope;
        private Object next;
        private boolean ready;

        Selected(Stmt.For loop, Iterator<Object> elements, Scope scope) {
            this.loop = loop;
            this.elements = elements;
            this.scope = scope;
        }

        @Override
        public boolean hasNext() {
            while (!ready && elements.hasNext()) {
                next = elements.next();
                Scope inner = scope.inner();
                assign(loop.target(), next, inner);
                ready = Values.truth(evaluator.value(loop.test(), inner));
            }
            return ready;
        }

        @Override
        public Object next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            ready = false;
            return next;
        }
    }

    private void assign(Stmt.Target target, Object value, Scope scope) {
        switch (target) {
            case Stmt.NameTarget t -> scope.set(t.name(), value);
            case Stmt.NamespaceTarget t -> {
                rendering.at(t.line());
                if (!(scope.get(t.namespace()) instanceof Namespace namespace)) {
                    throw Failure.of("cannot assign attribute on non-namespace object");
                }
                namespace.attributes().put(t.attribute(), value);
            }
            case Stmt.TupleTarget t -> {
                int wanted = t.items().size();
                List<Object> parts = Values.list(rendering.meter(), value);
                if (parts.size() != wanted) {
                    throw Failure.of((parts.size() > wanted ? "too many" : "not enough") + " values to unpack (expected "
                            + wanted + ", got " + parts.size() + ")");
                }
                for (int i = 0; i < wanted; i++) {
                    assign(t.items().get(i), parts.get(i), scope);
                }
            }
        }
    }
}
