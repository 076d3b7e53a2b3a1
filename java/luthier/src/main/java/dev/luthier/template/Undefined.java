package dev.luthier.template;

/**
 * A name, attribute or element that is not there. It prints as nothing, is false, has no elements and equals any other
 * undefined value; everything else that is done to it fails with its message.
 */
final class Undefined {
    private final String hint;
    private final Object owner;
    private final Object name;

    private Undefined(String hint, Object owner, Object name) {
        this.hint = hint;
        this.owner = owner;
        this.name = name;
    }

    static Undefined name(String name) {
        return new Undefined(null, null, name);
    }

    static Undefined because(String hint) {
        return new Undefined(hint, null, null);
    }

    /** An attribute or element that {@code owner} lacks. */
    static Undefined member(Object owner, Object name) {
        return new Undefined(null, owner == null ? "None" : Values.typeName(owner) + " object", name);
    }

    /** An attribute that the sandbox withholds. */
    static Undefined unsafe(Object owner, String name) {
        return because("access to attribute '" + name + "' of '" + Values.typeName(owner) + "' object is unsafe.");
    }

    /** Why using this value fails. */
    Failure failure() {
        if (hint != null) {
            return Failure.of(hint);
        }
        if (owner == null) {
            return Failure.of("'" + name + "' is undefined");
        }
        return Failure.of(name instanceof String
                ? "'" + owner + "' has no attribute '" + name + "'"
                : owner + " has no element " + (Numbers.isNumber(name) ? name.toString() : Values.typeName(name)));
    }

    @Override
    public String toString() {
        return "Undefined";
    }
}
