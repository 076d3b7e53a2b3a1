package dev.luthier.template;

/** A value that can be called: a macro, a global function, a method bound to its object. */
@FunctionalInterface
interface Callable {
    Object call(Rendering rendering, Arguments arguments);
}
