package dev.luthier.template;

/** One token of a template; {@code text} is the operator, the name or the source of a literal's value. */
record Token(Type type, String text, Object value, int line) {
    enum Type {
        DATA, VARIABLE_BEGIN, VARIABLE_END, BLOCK_BEGIN, BLOCK_END, NAME, STRING, INTEGER, FLOAT, OPERATOR, END
    }

    boolean is(Type wanted) {
        return type == wanted;
    }

    boolean isName(String name) {
        return type == Type.NAME && text.equals(name);
    }

    boolean isOperator(String operator) {
        return type == Type.OPERATOR && text.equals(operator);
    }

    /** How an error message calls this token. */
    String describe() {
        return switch (type) {
            case DATA -> "template text";
            case VARIABLE_BEGIN -> "'{{'";
            case VARIABLE_END -> "'}}'";
            case BLOCK_BEGIN -> "'{%'";
            case BLOCK_END -> "'%}'";
            case NAME, OPERATOR -> "'" + text + "'";
            case STRING -> "a string";
            case INTEGER, FLOAT -> "the number " + text;
            case END -> "the end of the template";
        };
    }
}
