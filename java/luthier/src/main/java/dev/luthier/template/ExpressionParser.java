package dev.luthier.template;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Reads expressions. From loosest to tightest: if-else, or, and, not, comparisons, + -, ~, * / // %, **, signs. */
class ExpressionParser {
    private static final int MAX_NESTING = 150;
    private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");

    final TokenStream stream;
    final NameChecks checks = new NameChecks();
    private int nesting;

    ExpressionParser(TokenStream stream) {
        this.stream = stream;
    }

    /** Counts a level of nesting, of expressions or statements; every call is paired with {@link #leave}. */
    final void enter() {
        if (++nesting > MAX_NESTING) {
            throw stream.error("expressions or blocks nest more than " + MAX_NESTING + " deep");
        }
    }

    final void leave() {
        nesting--;
    }

    final Expr expression() {
        enter();
        try {
            int line = stream.line();
            int mark = checks.mark();
            Expr then = or();
            while (stream.skipName("if")) {
                Expr test = or();
                Expr otherwise = stream.skipName("else") ? expression() : null;
                checks.soften(mark);
                then = new Expr.Conditional(test, then, otherwise, line);
                line = stream.line();
            }
            return then;
        } finally {
            leave();
        }
    }

    /** An expression without {@code if ... else}, for where a bare {@code if} means something else. */
    final Expr or() {
        int line = stream.line();
        Expr left = and();
        while (stream.skipName("or")) {
            left = new Expr.Logical(false, left, and(), line);
        }
        return left;
    }

    private Expr and() {
        int line = stream.line();
        Expr left = not();
        while (stream.skipName("and")) {
            left = new Expr.Logical(true, left, not(), line);
        }
        return left;
    }

    private Expr not() {
        int line = stream.line();
        if (!stream.skipName("not")) {
            return comparison();
        }
        enter();
        try {
            return new Expr.Not(not(), line);
        } finally {
            leave();
        }
    }

    private Expr comparison() {
        int line = stream.line();
        Expr first = sum();
        List<String> operators = new ArrayList<>();
        List<Expr> others = new ArrayList<>();
        while (true) {
            Token token = stream.current();
            if (token.is(Token.Type.OPERATOR) && COMPARISONS.contains(token.text())) {
                operators.add(stream.next().text());
            } else if (stream.skipName("in")) {
                operators.add("in");
            } else if (token.isName("not") && stream.look().isName("in")) {
                stream.next();
                stream.next();
                operators.add("not in");
            } else {
                return others.isEmpty() ? first : new Expr.Compare(first, operators, others, line);
            }
            others.add(sum());
        }
    }

    private Expr sum() {
        int line = stream.line();
        Expr left = concatenation();
        while (stream.atOperator("+") || stream.atOperator("-")) {
            left = new Expr.Binary(stream.next().text(), left, concatenation(), line);
        }
        return left;
    }

    private Expr concatenation() {
        int line = stream.line();
        Expr first = product();
        if (!stream.atOperator("~")) {
            return first;
        }
        List<Expr> items = new ArrayList<>(List.of(first));
        while (stream.skipOperator("~")) {
            items.add(product());
        }
        return new Expr.Concat(items, line);
    }

    private Expr product() {
        int line = stream.line();
        Expr left = power();
        while (stream.atOperator("*") || stream.atOperator("/") || stream.atOperator("//") || stream.atOperator("%")) {
            left = new Expr.Binary(stream.next().text(), left, power(), line);
        }
        return left;
    }

    private Expr power() {
        int line = stream.line();
        Expr left = unary(true);
        while (stream.skipOperator("**")) {
            left = new Expr.Binary("**", left, unary(true), line);
        }
        return left;
    }

    private Expr unary(boolean withFilters) {
        Token token = stream.current();
        Expr node;
        if (token.isOperator("-") || token.isOperator("+")) {
            stream.next();
            enter();
            node = new Expr.Signed(token.text(), unary(false), token.line());
            leave();
        } else {
            node = primary();
        }
        node = postfix(node);
        return withFilters ? filters(node) : node;
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

    /**
     * One expression, or several with commas as a tuple.
     *
     * @param conditional whether {@code if ... else} belongs to the expressions
     * @param parentheses whether nothing at all is the empty tuple
     * @param end a word that ends the tuple after a comma, or null
     */
    final Expr tuple(boolean conditional, boolean parentheses, String end) {
        int line = stream.line();
        List<Expr> items = new ArrayList<>();
        boolean comma = false;
        while (!tupleEnds(end)) {
            items.add(conditional ? expression() : or());
            if (!stream.skipOperator(",")) {
                break;
            }
            comma = true;
        }
        if (items.size() == 1 && !comma) {
            return items.get(0);
        }
        if (items.isEmpty() && !parentheses) {
            throw stream.error("expected an expression, found " + stream.current().describe());
        }
        return new Expr.TupleOf(items, line);
    }

    private boolean tupleEnds(String end) {
        Token token = stream.current();
        return token.is(Token.Type.VARIABLE_END) || token.is(Token.Type.BLOCK_END) || token.isOperator(")")
                || end != null && token.isName(end);
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
        if (keys.isEmpty()) {
            throw TokenStream.error("expected an index between the brackets, found ']'", line);
        }
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

    private Expr filters(Expr start) {
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
