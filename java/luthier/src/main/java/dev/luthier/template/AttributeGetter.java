package dev.luthier.template;

import java.util.ArrayList;
import java.util.List;

/** Follows a path such as {@code function.name} or {@code 0.role} into a value, as the {@code attribute} of filters. */
final class AttributeGetter {
    private final Rendering rendering;
    private final List<Object> path;
    private final Object otherwise;
    private final boolean ignoreCase;

    /**
     * Reads the path.
     *
     * @param attribute text with dots, an index, or null for the value itself
     * @param otherwise what stands for a missing part, or null to leave it undefined
     * @param ignoreCase whether text that is found is put in lower case
     */
    AttributeGetter(Rendering rendering, Object attribute, Object otherwise, boolean ignoreCase) {
        this.rendering = rendering;
        this.path = path(attribute);
        this.otherwise = otherwise;
        this.ignoreCase = ignoreCase;
    }

    private static List<Object> path(Object attribute) {
        List<Object> path = new ArrayList<>();
        if (Values.isText(attribute)) {
            for (String part : Values.text(attribute).split("\\.", -1)) {
                boolean index = !part.isEmpty() && part.length() < 10 && part.chars().allMatch(Character::isDigit);
                path.add(index ? (Object) Long.parseLong(part) : part);
            }
        } else if (attribute != null) {
            path.add(attribute);
        }
        return path;
    }

    Object of(Object v) {
        Object found = v;
        for (Object part : path) {
            rendering.meter().step();
            found = Attributes.item(rendering, found, part);
            if (otherwise != null && found instanceof Undefined) {
                found = otherwise;
            }
        }
        return ignoreCase && Values.isText(found) ? rendering.meter().made(Text.lower(Values.text(found))) : found;
    }
}
