package dev.luthier.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Reads statements. */
final class Parser extends ExpressionParser {
    private static final Set<String> KEYWORD_LITERALS = Set.of("true", "false", "none", "True", "False", "None");

    /** The tags still open, innermost last, for error messages. */
    private final List<String> open = new ArrayList<>();
    /** Loops around this place within the same macro, where a jump may lead. */
    private int jumpable;
    /** Loops around this place at all; their bodies may not assign to {@code loop}. */
    private int loops;
    private boolean generation;

    private Parser(List<Token> tokens) {
        super(new TokenStream(tokens));
    }

    /**
     * A template that was read.
     *
     * @param generation whether it has {@code generation} blocks
     */
    record Template(List<Stmt> body, boolean generation) { }

    static Template parse(String source) {
        Parser parser = new Parser(Lexer.tokens(source));
        List<Stmt> body = parser.statements(Set.of());
        parser.checks.finish();
        return new Template(body, parser.generation);
    }

    /** Reads up to one of the end tags, whose name is then current; no end tags means the end of the template. */
    private List<Stmt> statements(Set<String> ends) {
        List<Stmt> body = new ArrayList<>();
        while (true) {
            Token token = stream.next();
            switch (token.type()) {
                case DATA -> body.add(new Stmt.Literal(token.text()));
                case VARIABLE_BEGIN -> {
                    body.add(new Stmt.Print(tuple(true, false, null)));
                    stream.expect(Token.Type.VARIABLE_END, "'}}'");
                }
                case BLOCK_BEGIN -> {
                    if (stream.current().is(Token.Type.NAME) && ends.contains(stream.current().text())) {
                        return List.copyOf(body);
                    }
                    statement(body);
                    stream.expect(Token.Type.BLOCK_END, "'%}'");
                }
                default -> {
                    if (!ends.isEmpty()) {
                        throw TokenStream.error("the template ends where '" + String.join("' or '",
                                ends.stream().sorted().toList()) + "' should close " + open.getLast(), token.line());
                    }
                    return List.copyOf(body);
                }
            }
        }
    }

    private void statement(List<Stmt> body) {
        Token tag = stream.expect(Token.Type.NAME, "the name of a tag");
        int line = tag.line();
        enter();
        open.add("'" + tag.text() + "' of line " + line);
        switch (tag.text()) {
            case "if" -> body.add(ifStatement());
            case "for" -> body.add(forStatement(line));
            case "set" -> body.add(set(line));
            case "macro" -> body.add(new Stmt.Define(macro(line)));
            case "call" -> body.add(callBlock(line));
            case "filter" -> body.add(filterBlock());
            case "with" -> body.add(with());
            case "autoescape" -> body.add(new Stmt.AutoEscape(expression(), bodyUpTo("endautoescape")));
            case "generation" -> {
                generation = true;
                body.add(new Stmt.Generation(function(() -> bodyUpTo("endgeneration"))));
            }
            case "block" -> body.add(block());
            case "print" -> print(body);
            case "break", "continue" -> {
                if (jumpable == 0) {
                    throw TokenStream.error("'" + tag.text() + "' outside of a loop", line);
                }
                body.add(new Stmt.Jump(tag.text().equals("continue")));
            }
            case "include", "import", "extends", "from" -> {
                while (!stream.current().is(Token.Type.BLOCK_END) && !stream.current().is(Token.Type.END)) {
                    stream.next();
                }
                body.add(new Stmt.NeedsLoader(tag.text(), line));
            }
            default -> throw TokenStream.error("unknown tag '" + tag.text() + "'"
                    + (open.size() < 2 ? "" : "; the innermost open one is " + open.get(open.size() - 2)), line);
        }
        open.removeLast();
        leave();
    }

    /** Reads the end of a tag, then everything up to an end tag, whose name is taken. */
    private List<Stmt> bodyUpTo(String end) {
        List<Stmt> body = bodyBefore(Set.of(end));
        stream.next();
        return body;
    }

    private List<Stmt> bodyBefore(Set<String> ends) {
        stream.skipOperator(":");
        stream.expect(Token.Type.BLOCK_END, "'%}'");
        return statements(ends);
    }

    /** Reads something that is a scope of its own for the check of unknown filters. */
    private <T> T hard(java.util.function.Supplier<T> inner) {
        int mark = checks.mark();
        T result = inner.get();
        checks.harden(mark);
        return result;
    }

    /** Reads something that a jump cannot leave. */
    private <T> T function(java.util.function.Supplier<T> inner) {
        int outer = jumpable;
        jumpable = 0;
        T result = hard(inner);
        jumpable = outer;
        return result;
    }

    private Stmt ifStatement() {
        int mark = checks.mark();
        List<Stmt.Branch> branches = new ArrayList<>();
        List<Stmt> otherwise = List.of();
        Token end;
        do {
            Expr test = tuple(false, false, null);
            branches.add(new Stmt.Branch(test, bodyBefore(Set.of("elif", "else", "endif"))));
            end = stream.next();
        } while (end.isName("elif"));
        if (end.isName("else")) {
            otherwise = bodyUpTo("endif");
        }
        checks.soften(mark);
        return new Stmt.If(branches, otherwise);
    }

    private Stmt forStatement(int line) {
        loops++;
        Stmt.Target target = targets(false, "in");
        stream.expectName("in");
        Expr iterable = tuple(false, false, "recursive");
        Expr test = stream.skipName("if") ? hard(this::expression) : null;
        boolean recursive = stream.skipName("recursive");
        jumpable++;
        List<Stmt> body = hard(() -> bodyBefore(Set.of("endfor", "else")));
        jumpable--;
        List<Stmt> otherwise = stream.next().isName("else") ? hard(() -> bodyUpTo("endfor")) : List.of();
        loops--;
        return new Stmt.For(target, iterable, test, recursive, body, otherwise, line);
    }

    private Stmt set(int line) {
        Stmt.Target target = targets(true, null);
        if (stream.skipOperator("=")) {
            return new Stmt.Assign(target, tuple(true, false, null));
        }
        int mark = checks.mark();
        Expr.Filter filter = null;
        while (stream.skipOperator("|")) {
            filter = filter(filter);
        }
        List<Stmt> body = bodyUpTo("endset");
        checks.harden(mark);
        return new Stmt.AssignBlock(target, filter, body, line);
    }

    private Stmt filterBlock() {
        return hard(() -> {
            Expr.Filter filter = filter(null);
            while (stream.skipOperator("|")) {
                filter = filter(filter);
            }
            return new Stmt.FilterBlock(filter, bodyUpTo("endfilter"));
        });
    }

    private Stmt with() {
        List<Stmt.Target> targets = new ArrayList<>();
        List<Expr> values = new ArrayList<>();
        while (!stream.current().is(Token.Type.BLOCK_END) && !stream.atOperator(":")) {
            if (!targets.isEmpty()) {
                stream.expectOperator(",");
            }
            targets.add(targets(false, null));
            stream.expectOperator("=");
            values.add(expression());
        }
        return new Stmt.With(targets, values, hard(() -> bodyUpTo("endwith")));
    }

    private Stmt block() {
        String name = stream.expect(Token.Type.NAME, "the name of a block").text();
        stream.skipName("scoped");
        stream.skipName("required");
        List<Stmt> body = function(() -> bodyUpTo("endblock"));
        stream.skipName(name);
        return new Stmt.Scoped(body);
    }

    private void print(List<Stmt> body) {
        boolean first = true;
        while (!stream.current().is(Token.Type.BLOCK_END)) {
            if (!first) {
                stream.expectOperator(",");
            }
            first = false;
            body.add(new Stmt.Print(expression()));
        }
    }

    private Stmt.MacroBody macro(int line) {
        return macroBody(name("the name of a macro"), "endmacro", line, () -> { });
    }

    private Stmt callBlock(int line) {
        Expr[] call = new Expr[1];
        Stmt.MacroBody caller = macroBody("caller", "endcall", line, () -> call[0] = expression());
        if (!(call[0] instanceof Expr.Call target)) {
            throw TokenStream.error("'call' wants a call, like {% call name() %}", line);
        }
        return new Stmt.CallBlock(caller, target);
    }

    /** Reads parameters, where given, then what else the tag holds, then the body. */
    private Stmt.MacroBody macroBody(String name, String end, int line, Runnable restOfTag) {
        List<String> parameters = new ArrayList<>();
        List<Expr> defaults = new ArrayList<>();
        Set<String> outer = checks.startMacro();
        if (stream.atOperator("(") || end.equals("endmacro")) {
            signature(parameters, defaults);
        }
        Set<String> read = checks.endMacro(outer);
        restOfTag.run();
        outer = checks.startMacro();
        List<Stmt> body = function(() -> bodyUpTo(end));
        read.addAll(checks.endMacro(outer));
        int caller = parameters.indexOf("caller");
        if (caller >= 0 && defaults.get(caller) == null && read.contains("caller")) {
            throw TokenStream.error("the parameter 'caller' is special: leave it out or give it a default", line);
        }
        return new Stmt.MacroBody(name, List.copyOf(parameters), new ArrayList<>(defaults), body,
                read.contains("caller") && !parameters.contains("caller"), read.contains("varargs") && !parameters.contains("varargs"),
                read.contains("kwargs") && !parameters.contains("kwargs"), line);
    }

    private void signature(List<String> parameters, List<Expr> defaults) {
        stream.expectOperator("(");
        boolean optional = false;
        while (!stream.atOperator(")")) {
            if (!parameters.isEmpty()) {
                stream.expectOperator(",");
            }
            String parameter = name("a parameter");
            if (parameters.contains(parameter)) {
                throw stream.error("the parameter '" + parameter + "' is named twice");
            }
            Expr value = stream.skipOperator("=") ? expression() : null;
            if (optional && value == null) {
                throw stream.error("the parameter '" + parameter + "' without a default follows one with a default");
            }
            optional = value != null;
            parameters.add(parameter);
            defaults.add(value);
        }
        stream.next();
    }

    private String name(String wanted) {
        Token token = stream.expect(Token.Type.NAME, wanted);
        if (KEYWORD_LITERALS.contains(token.text())) {
            throw TokenStream.error("expected " + wanted + ", found " + token.describe(), token.line());
        }
        return token.text();
    }

    /** Reads what an assignment fills: one target, or several with commas. */
    private Stmt.Target targets(boolean namespaces, String end) {
        List<Stmt.Target> items = new ArrayList<>();
        boolean comma = false;
        do {
            Token token = stream.current();
            boolean ends = token.is(Token.Type.BLOCK_END) || token.isOperator(")")
                    || end != null && token.isName(end);
            if (ends) {
                break;
            }
            items.add(target(namespaces));
            comma |= stream.atOperator(",");
        } while (stream.skipOperator(","));
        if (items.isEmpty()) {
            throw stream.error("expected a name to assign to, found " + stream.current().describe());
        }
        return items.size() == 1 && !comma ? items.get(0) : new Stmt.TupleTarget(items);
    }

    private Stmt.Target target(boolean namespaces) {
        if (stream.skipOperator("(")) {
            enter();
            Stmt.Target inner = targets(namespaces, null);
            stream.expectOperator(")");
            leave();
            return inner;
        }
        int line = stream.line();
        String name = name("a name to assign to");
        if (namespaces && stream.skipOperator(".")) {
            checks.read(name);
            return new Stmt.NamespaceTarget(name, stream.expect(Token.Type.NAME, "an attribute").text(), line);
        }
        if (name.equals("loop") && loops > 0) {
            throw TokenStream.error("cannot assign to 'loop' inside a for loop", line);
        }
        return new Stmt.NameTarget(name);
    }
}
