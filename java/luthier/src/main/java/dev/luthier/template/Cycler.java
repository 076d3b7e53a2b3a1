package dev.luthier.template;

import java.util.List;

/** What {@code cycler()} gives: hands out its values in turn. */
final class Cycler {
    private final List<Object> values;
    private int at;

    Cycler(List<Object> values) {
        if (values.isEmpty()) {
            throw Failure.of("at least one item has to be provided");
        }
        this.values = values;
    }

    Object attribute(String name) {
        return switch (name) {
            case "current" -> values.get(at);
            case "next" -> (Callable) (r, arguments) -> {
                Object value = values.get(at);
                at = (at + 1) % values.size();
                return value;
            };
            case "reset" -> (Callable) (r, arguments) -> {
                at = 0;
                return null;
            };
            default -> Values.ABSENT;
        };
    }
}
