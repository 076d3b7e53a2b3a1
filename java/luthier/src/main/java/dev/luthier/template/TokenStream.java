package dev.luthier.template;

import java.util.List;

/** The tokens with a place in them, and the errors of meeting the wrong one. */
final class TokenStream {
    private final List<Token> tokens;
    private int at;

    TokenStream(List<Token> tokens) {
        this.tokens = tokens;
    }

    Token current() {
        return tokens.get(at);
    }

    Token look() {
        return tokens.get(Math.min(at + 1, tokens.size() - 1));
    }

    /** Returns the current token and goes on to the next; the end stays current. */
    Token next() {
        Token token = tokens.get(at);
        at = Math.min(at + 1, tokens.size() - 1);
        return token;
    }

    int line() {
        return current().line();
    }

    boolean atOperator(String operator) {
        return current().isOperator(operator);
    }

    boolean skipOperator(String operator) {
        boolean found = atOperator(operator);
        if (found) {
            next();
        }
        return found;
    }

    boolean skipName(String name) {
        boolean found = current().isName(name);
        if (found) {
            next();
        }
        return found;
    }

    Token expect(Token.Type type, String wanted) {
        if (!current().is(type)) {
            throw error("expected " + wanted + ", found " + current().describe());
        }
        return next();
    }

    Token expectOperator(String operator) {
        if (!atOperator(operator)) {
            throw error("expected '" + operator + "', found " + current().describe());
        }
        return next();
    }

    Token expectName(String name) {
        if (!current().isName(name)) {
            throw error("expected '" + name + "', found " + current().describe());
        }
        return next();
    }

    TemplateException error(String message) {
        return error(message, line());
    }

    static TemplateException error(String message, int line) {
        return new TemplateException(TemplateException.Kind.SYNTAX, line, message);
    }
}
