package dev.luthier.template;

import java.util.List;

/** A statement. */
sealed interface Stmt {
    /** Template text outside of tags. */
    record Literal(String text) implements Stmt { }

    record Print(Expr expression) implements Stmt { }

    /** Branches in order; {@code otherwise} is empty where there is no {@code else}. */
    record If(List<Branch> branches, List<Stmt> otherwise) implements Stmt { }

    record Branch(Expr test, List<Stmt> body) { }

    /** A loop; {@code test} is null where every element is taken. */
    record For(Target target, Expr iterable, Expr test, boolean recursive, List<Stmt> body, List<Stmt> otherwise,
            int line) implements Stmt { }

    record Assign(Target target, Expr value) implements Stmt { }

    /** {@code {% set x %}...{% endset %}}; {@code filter} is null or a chain that ends in an empty input. */
    record AssignBlock(Target target, Expr.Filter filter, List<Stmt> body, int line) implements Stmt { }

    record Define(MacroBody macro) implements Stmt { }

    /** Calls something with the body as its {@code caller}. */
    record CallBlock(MacroBody caller, Expr.Call call) implements Stmt { }

    record FilterBlock(Expr.Filter filter, List<Stmt> body) implements Stmt { }

    record With(List<Target> targets, List<Expr> values, List<Stmt> body) implements Stmt { }

    /** A body with a scope of its own: {@code block}. */
    record Scoped(List<Stmt> body) implements Stmt { }

    record AutoEscape(Expr on, List<Stmt> body) implements Stmt { }

    /** The part of the text that the model is to learn to write. */
    record Generation(List<Stmt> body) implements Stmt { }

    /** Leaves the innermost loop or, where {@code next}, goes on with its next element. */
    record Jump(boolean next) implements Stmt { }

    /** A statement that needs other templates. */
    record NeedsLoader(String tag, int line) implements Stmt { }

    /**
     * What a macro and the body of a {@code call} block have in common.
     *
     * @param defaults as long as {@code parameters}; null where a parameter has none
     */
    record MacroBody(String name, List<String> parameters, List<Expr> defaults, List<Stmt> body, boolean usesCaller,
            boolean usesVarargs, boolean usesKwargs, int line) { }

    /** Where an assignment goes. */
    sealed interface Target { }

    record NameTarget(String name) implements Target { }

    record NamespaceTarget(String namespace, String attribute, int line) implements Target { }

    record TupleTarget(List<Target> items) implements Target { }
}
