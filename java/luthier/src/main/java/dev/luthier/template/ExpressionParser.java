package dev.luthier.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Reads expressions. From loosest to tightest: if-else, or, and, not, comparisons, + -, ~, * / // %, **, signs. */
class ExpressionParser extends OperandParser {
    private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");

    ExpressionParser(TokenStream stream) {
        super(stream);
    }

    @Override
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

    /**
     * One expression, or several with commas as a tuple.
     *
     * @param conditional whether {@code if ... else} belongs to the expressions
     * @param parentheses whether nothing at all is the empty tuple
     * @param end a word that ends the tuple after a comma, or null
     */
    @Override
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
}
