package dev.luthier.template;

import java.util.List;

/** An expression; every node knows its line for error messages. */
sealed interface Expr {
    int line();

    record Literal(Object value, int line) implements Expr { }

    record Name(String name, int line) implements Expr { }

    record TupleOf(List<Expr> items, int line) implements Expr { }

    record ListOf(List<Expr> items, int line) implements Expr { }

    record DictOf(List<Expr> keys, List<Expr> values, int line) implements Expr { }

    /** A sign before an operand. */
    record Signed(String operator, Expr operand, int line) implements Expr { }

    /** One of {@code + - * / // % **}. */
    record Binary(String operator, Expr left, Expr right, int line) implements Expr { }

    /** {@code and} or {@code or}: the value is that of the operand that decided. */
    record Logical(boolean and, Expr left, Expr right, int line) implements Expr { }

    record Not(Expr operand, int line) implements Expr { }

    /** A chain of comparisons; operators are {@code == != < <= > >= in} and {@code not in}. */
    record Compare(Expr first, List<String> operators, List<Expr> others, int line) implements Expr { }

    /** Operands joined by {@code ~}. */
    record Concat(List<Expr> items, int line) implements Expr { }

    /** {@code then if test else otherwise}; {@code otherwise} may be null. */
    record Conditional(Expr test, Expr then, Expr otherwise, int line) implements Expr { }

    record Attribute(Expr target, String name, int line) implements Expr { }

    record Item(Expr target, Expr key, int line) implements Expr { }

    /** A slice; absent bounds are null. */
    record Slice(Expr target, Expr start, Expr stop, Expr step, int line) implements Expr { }

    record Call(Expr callee, CallSite arguments, int line) implements Expr { }

    /** A filter; {@code input} is null where the filter works on the text of a block. */
    record Filter(Expr input, String name, CallSite arguments, int line) implements Expr { }

    record Test(Expr input, String name, CallSite arguments, int line) implements Expr { }

    /** The arguments as written; {@code star} and {@code starStar} are null where absent. */
    record CallSite(List<Expr> positional, List<String> names, List<Expr> named, Expr star, Expr starStar) {
        static final CallSite EMPTY = new CallSite(List.of(), List.of(), List.of(), null, null);
    }
}
