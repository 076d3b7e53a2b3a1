package dev.luthier.template;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Reads what operators work on: literals, names, and the attributes, indices, calls, filters and tests behind them. */
abstract class OperandParser {
    private static final int MAX_NESTING = 150;

    final TokenStream stream;
    final NameChecks checks = new NameChecks();
    private int nesting;

    OperandParser(TokenStream stream) {
        this.stream = stream;
    }

    /** Reads any expression. */
    abstract Expr expression();

    /** Reads one expression, or several with commas; see {@link ExpressionParser}. */
    abstract Expr tuple(boolean conditional, boolean parentheses, String end);

    /** Counts a level of nesting, of expressions or statements; every call is paired with {@link #leave}. */
    final void enter() {
        if (++nesting > MAX_NESTING) {
            throw stream.error("expressions or blocks nest more than " + MAX_NESTING + " deep");
        }
    }

    final void leave() {
        nesting--;
    }

    final Expr primary() {
        Token token = stream.next();
        int line = token.line();
        return switch (token.type()) {
            case NAME -> switch (token.text()) {
                case "true", "True" -> new Expr.Literal(true, line);
                case "false", "False" -> new Expr.Literal(false, line);
                case "none", "None" -> new Expr.Literal(null, line);
                default -> {
                    checks.read(token.text());
                    yield new Expr.Name(token.text(), line);
                }
            };
            case INTEGER, FLOAT -> new Expr.Literal(token.value(), line);
            case STRING -> {
                StringBuilder text = new StringBuilder((String) token.value());
                while (stream.current().is(Token.Type.STRING)) {
                    text.append((String) stream.next().value());
                }
                yield new Expr.Literal(text.toString(), line);
            }
            case OPERATOR -> switch (token.text()) {
                case "(" -> {
                    Expr inner = tuple(true, true, null);
                    stream.expectOperator(")");
                    yield inner;
                }
                case "[" -> new Expr.ListOf(elements("]"), line);
                case "{" -> dict(line);
                default -> throw TokenStream.error("unexpected " + token.describe(), line);
            };
            default -> throw TokenStream.error("expected an expression, found " + token.describe(), line);
        };
    }

    private List<Expr> elements(String close) {
        List<Expr> items = new ArrayList<>();
        while (!stream.atOperator(close)) {
            items.add(expression());
            if (!stream.atOperator(close)) {
                stream.expectOperator(",");
            }
        }
        stream.next();
        return items;
    }

    private Expr dict(int line) {
        List<Expr> keys = new ArrayList<>();
        List<Expr> values = new ArrayList<>();
        while (!stream.atOperator("}")) {
            keys.add(expression());
            stream.expectOperator(":");
            values.add(expression());
            if (!stream.atOperator("}")) {
                stream.expectOperator(",");
            }
        }
        stream.next();
        return new Expr.DictOf(keys, values, line);
    }

    final Expr postfix(Expr start) {
        Expr node = start;
        while (true) {
            if (stream.atOperator(".")) {
                node = dotted(node);
            } else if (stream.atOperator("[")) {
                node = subscript(node);
            } else if (stream.atOperator("(")) {
                int line = stream.line();
                node = new Expr.Call(node, arguments(), line);
            } else {
                return node;
            }
        }
    }

    private Expr dotted(Expr node) {
        int line = stream.next().line();
        Token name = stream.next();
        return switch (name.type()) {
            case NAME -> new Expr.Attribute(node, name.text(), line);
            case INTEGER -> new Expr.Item(node, new Expr.Literal(name.value(), line), line);
            default -> throw TokenStream.error("expected a name or a number after '.', found " + name.describe(),
                    name.line());
        };
    }

    private Expr subscript(Expr node) {
        int line = stream.next().line();
        List<Expr> keys = new ArrayList<>();
        boolean comma = false;
        while (!stream.atOperator("]")) {
            Expr start = stream.atOperator(":") ? null : expression();
            if (stream.skipOperator(":")) {
                Expr stop = sliceBound();
                Expr step = stream.skipOperator(":") ? sliceBound() : null;
                if (comma || !stream.atOperator("]")) {
                    throw stream.error("a slice must stand alone between brackets, found "
                            + stream.current().describe());
                }
                stream.next();
                return new Expr.Slice(node, start, stop, step, line);
            }
            keys.add(start);
            if (!stream.atOperator("]")) {
                stream.expectOperator(",");
                comma = true;
            }
        }
        stream.next();
        return new Expr.Item(node, keys.size() == 1 ? keys.get(0) : new Expr.TupleOf(keys, line), line);
    }

    private Expr sliceBound() {
        boolean absent = stream.atOperator(":") || stream.atOperator("]") || stream.atOperator(",");
        return absent ? null : expression();
    }

    /** Reads arguments in parentheses. */
    final Expr.CallSite arguments() {
        int line = stream.expectOperator("(").line();
        List<Expr> positional = new ArrayList<>();
        List<String> names = new ArrayList<>();
        List<Expr> named = new ArrayList<>();
        Set<String> seen = new HashSet<>();
        Expr star = null;
        Expr starStar = null;
        while (!stream.atOperator(")")) {
            boolean misplaced = starStar != null;
            if (stream.skipOperator("*")) {
                misplaced |= star != null;
                star = expression();
            } else if (stream.skipOperator("**")) {
                starStar = expression();
            } else if (stream.current().is(Token.Type.NAME) && stream.look().isOperator("=")) {
                String name = stream.next().text();
                misplaced |= !seen.add(name);
                stream.next();
                names.add(name);
                named.add(expression());
            } else {
                misplaced |= star != null || !names.isEmpty();
                positional.add(expression());
            }
            if (misplaced) {
                throw TokenStream.error("invalid arguments of a call: positional ones come first, each name once,"
                        + " then * and **", line);
            }
            if (!stream.atOperator(")")) {
                stream.expectOperator(",");
            }
        }
        stream.next();
        return new Expr.CallSite(positional, names, named, star, starStar);
    }

    /** Reads the filters, tests and calls behind an operand. */
    final Expr filters(Expr start) {
        Expr node = start;
        while (true) {
            if (stream.atOperator("|")) {
                stream.next();
                node = filter(node);
            } else if (stream.current().isName("is")) {
                node = test(node);
            } else if (stream.atOperator("(")) {
                int line = stream.line();
                node = new Expr.Call(node, arguments(), line);
            } else {
                return node;
            }
        }
    }

    /** Reads a filter's name and arguments. */
    final Expr.Filter filter(Expr input) {
        int line = stream.line();
        String name = dottedName("the name of a filter");
        Expr.CallSite arguments = stream.atOperator("(") ? arguments() : Expr.CallSite.EMPTY;
        if (!Filters.exists(name)) {
            checks.unknown("no filter is named '" + name + "'", line);
        }
        return new Expr.Filter(input, name, arguments, line);
    }

    private String dottedName(String wanted) {
        StringBuilder name = new StringBuilder(stream.expect(Token.Type.NAME, wanted).text());
        while (stream.skipOperator(".")) {
            name.append('.').append(stream.expect(Token.Type.NAME, wanted).text());
        }
        return name.toString();
    }

    private Expr test(Expr input) {
        int line = stream.next().line();
        boolean negated = stream.skipName("not");
        String name = dottedName("the name of a test");
        Expr.CallSite arguments = Expr.CallSite.EMPTY;
        if (stream.atOperator("(")) {
            arguments = arguments();
        } else if (takesOperand(stream.current())) {
            if (stream.current().isName("is")) {
                throw stream.error("tests cannot be chained with 'is'");
            }
            enter();
            arguments = new Expr.CallSite(List.of(postfix(primary())), List.of(), List.of(), null, null);
            leave();
        }
        if (!Predicates.exists(name)) {
            checks.unknown("no test is named '" + name + "'", line);
        }
        Expr node = new Expr.Test(input, name, arguments, line);
        return negated ? new Expr.Not(node, line) : node;
    }

    private static boolean takesOperand(Token token) {
        return switch (token.type()) {
            case NAME -> !token.isName("else") && !token.isName("or") && !token.isName("and");
            case STRING, INTEGER, FLOAT -> true;
            case OPERATOR -> token.isOperator("[") || token.isOperator("{");
            default -> false;
        };
    }
}
