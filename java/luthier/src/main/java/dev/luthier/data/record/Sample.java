package dev.luthier.data.record;

import dev.luthier.data.Origin;

/** A record in one of the shapes that can be trained on. */
public sealed interface Sample permits Conversation, RawText, TokenRow, Preference {
    Origin origin();
}
