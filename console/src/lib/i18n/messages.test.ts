import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AREAS } from './areas.ts';

type Tree = { [key: string]: string | ((...parts: never[]) => string) | Tree };

function* leaves(tree: Tree, path: string): Generator<[path: string, leaf: string | ((...parts: never[]) => string)]> {
  for (const [key, leaf] of Object.entries(tree)) {
    if (typeof leaf === 'object') yield* leaves(leaf, `${path}.${key}`);
    else yield [`${path}.${key}`, leaf];
  }
}

test('both languages have the same words in every area', () => {
  let read = 0;
  for (const [area, both] of Object.entries(AREAS)) {
    const zh = new Map(leaves(both.zh as unknown as Tree, area));
    const en = new Map(leaves(both.en as unknown as Tree, area));
    assert.deepEqual([...en.keys()].sort(), [...zh.keys()].sort(), `${area}: the languages differ in their keys`);
    for (const [path, leaf] of zh) {
      read += 1;
      assert.equal(typeof en.get(path), typeof leaf, `${path}: a sentence in one language, a function in the other`);
    }
  }
  assert.ok(read > 50, 'the areas were read');
});

test('English says nothing in Chinese, and neither language says the forbidden', () => {
  for (const [area, both] of Object.entries(AREAS)) {
    for (const [path, leaf] of leaves(both.en as unknown as Tree, area)) {
      const text = String(leaf);
      assert.ok(!/\p{Script=Han}/u.test(text), `${path} (en) has Chinese characters: ${text}`);
      assert.ok(!/\bplease\b|successfully|!(?=['"`]|$)/i.test(text), `${path} (en): ${text}`);
      if (typeof leaf === 'string') assert.ok(leaf.trim() !== '', `${path} (en) is empty`);
    }
    for (const [path, leaf] of leaves(both.zh as unknown as Tree, area)) {
      const text = String(leaf);
      assert.ok(!/确定|取消|异常|！/.test(text), `${path} (zh): ${text}`);
      if (typeof leaf === 'string') assert.ok(leaf.trim() !== '' && !leaf.endsWith('。。'), `${path} (zh) is empty`);
    }
  }
});
