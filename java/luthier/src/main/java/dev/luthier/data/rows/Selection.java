package dev.luthier.data.rows;

import dev.luthier.data.Example;

/** A view of some rows of another store. */
record Selection(Examples base, int[] rows) implements Examples {
    @Override
    public int size() {
        return rows.length;
    }

    @Override
    public Example get(int i) {
        return base.get(rows[i]);
    }

    @Override
    public int length(int i) {
        return base.length(rows[i]);
    }

    @Override
    public int targets(int i) {
        return base.targets(rows[i]);
    }

    @Override
    public String fingerprint() {
        Fingerprint f = new Fingerprint();
        for (int i = 0; i < size(); i++) f.add(get(i));
        return f.hex();
    }

    @Override
    public void close() {}
}
