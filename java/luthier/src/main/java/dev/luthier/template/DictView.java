package dev.luthier.template;

import java.util.AbstractList;
import java.util.List;

/** What {@code keys()}, {@code values()} and {@code items()} of a dict give: can be walked and counted, not indexed. */
record DictView(String type, List<Object> elements) {
    static DictView keys(Dict dict) {
        return new DictView("dict_keys", dict.keys());
    }

    static DictView values(Dict dict) {
        return new DictView("dict_values", dict.values());
    }

    static DictView items(Dict dict) {
        return new DictView("dict_items", new AbstractList<>() {
            @Override
            public Object get(int index) {
                return dict.item(index);
            }

            @Override
            public int size() {
                return dict.size();
            }
        });
    }
}
