package dev.luthier.template;

import java.util.LinkedHashMap;
import java.util.Map;

/** What {@code namespace()} gives: the only value whose attributes a template may set. */
final class Namespace {
    private final Map<String, Object> attributes = new LinkedHashMap<>();

    Map<String, Object> attributes() {
        return attributes;
    }
}
