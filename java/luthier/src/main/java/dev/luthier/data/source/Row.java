package dev.luthier.data.source;

import dev.luthier.data.Origin;
import tools.jackson.databind.node.ObjectNode;

/** A record as it stands in its file: named fields and its place. */
public record Row(Origin origin, ObjectNode fields) {}
