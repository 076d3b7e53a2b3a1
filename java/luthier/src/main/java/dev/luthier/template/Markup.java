package dev.luthier.template;

/** A string that the template declared safe HTML: joined with plain strings it escapes them. */
record Markup(String text) { }
