package dev.luthier.template;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/** The variable {@code loop}: walks the elements, and looks ahead only when asked. */
final class LoopContext {
    /** Renders a recursive loop over other elements. */
    @FunctionalInterface
    interface Recursion {
        String over(Object iterable);
    }

    private Iterator<Object> elements;
    private final Recursion recursion;
    private final int depth0;
    private long length;
    private long index0 = -1;
    private Object before = Values.ABSENT;
    private Object current = Values.ABSENT;
    private Object after = Values.ABSENT;
    private List<Object> lastChanged;

    /**
     * Prepares to walk.
     *
     * @param length how many elements there are, or -1 where only walking tells
     * @param recursion null where the loop is not recursive
     */
    LoopContext(Iterator<Object> elements, long length, Recursion recursion, int depth0) {
        this.elements = elements;
        this.length = length;
        this.recursion = recursion;
        this.depth0 = depth0;
    }

    /** Goes to the next element; false at the end. */
    boolean advance() {
        if (!peek()) {
            return false;
        }
        before = current;
        current = after;
        after = Values.ABSENT;
        index0++;
        return true;
    }

    private boolean peek() {
        if (after == Values.ABSENT && elements.hasNext()) {
            after = elements.next();
        }
        return after != Values.ABSENT;
    }

    Object current() {
        return current;
    }

    long index() {
        return index0 + 1;
    }

    long length() {
        if (length < 0) {
            List<Object> rest = new ArrayList<>();
            elements.forEachRemaining(rest::add);
            elements = rest.iterator();
            length = rest.size() + index() + (after == Values.ABSENT ? 0 : 1);
        }
        return length;
    }

    /** Renders the loop's body over other elements, one level deeper. */
    Object recurse(Arguments arguments) {
        if (recursion == null) {
            throw Failure.of("the loop must have the 'recursive' marker to be called recursively");
        }
        return recursion.over(arguments.bind("loop", 1, "iterable").get(0));
    }

    /** Returns an attribute of the loop, or {@link Values#ABSENT} where it has none of this name. */
    Object attribute(Meter meter, String name) {
        return switch (name) {
            case "index" -> index();
            case "index0" -> index0;
            case "revindex" -> length() - index0;
            case "revindex0" -> length() - index();
            case "first" -> index0 == 0;
            case "last" -> !peek();
            case "length" -> length();
            case "depth" -> depth0 + 1L;
            case "depth0" -> (long) depth0;
            case "previtem" -> index0 == 0 ? Undefined.because("there is no previous item") : before;
            case "nextitem" -> peek() ? after : Undefined.because("there is no next item");
            case "cycle" -> (Callable) (r, arguments) -> {
                List<Object> values = arguments.positional();
                if (values.isEmpty()) {
                    throw Failure.of("no items for cycling given");
                }
                return values.get((int) (index0 % values.size()));
            };
            case "changed" -> (Callable) (r, arguments) -> {
                List<Object> values = arguments.positional();
                boolean changed = lastChanged == null || !Comparison.equal(meter, lastChanged, values);
                lastChanged = values;
                return changed;
            };
            default -> Values.ABSENT;
        };
    }
}
