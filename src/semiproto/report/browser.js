// The image browser. One image, one layer over it; all keys also have a button.
for (const root of document.querySelectorAll(".browser")) {
  const data = JSON.parse(root.querySelector("script").textContent);
  const part = name => root.querySelector(`[data-part=${name}]`);
  const make = (tag, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };
  const layers = ["image", "truth", ...data.variants];
  const signed = value => value === null ? "no score" : (value > 0 ? "+" : value < 0 ? "−" : "") + Math.abs(value).toFixed(1);
  const rank = image => data.ranked === "gain" ? `${signed(image.rank)} points` : `mIoU ${image.rank.toFixed(1)}`;
  const orders = [
    [`${data.ranked}, largest first`, (a, b) => b.rank - a.rank],
    [`${data.ranked}, smallest first`, (a, b) => a.rank - b.rank],
    [`error of ${data.full}, largest first`, (a, b) => b.wrong - a.wrong],
    [`error of ${data.full}, smallest first`, (a, b) => a.wrong - b.wrong],
  ];
  const shows = (image, index) => image.layers[0].shows.includes(index);
  let shown = [], at = 0, layer = layers.indexOf(data.full), errors = false, alone = false;

  const draw = () => {
    const image = shown[at], stage = part("stage"), over = layer > 0 ? image.layers[layer - 1] : null;
    const wrong = errors && layer > 1;
    stage.style.setProperty("--ratio", image.width / image.height);
    stage.classList.toggle("alone", alone && over !== null);
    stage.replaceChildren(make("img", { className: "under", src: image.picture, alt: "" }));
    if (over) stage.append(make("img", { className: "over", src: wrong ? image.errors[layer - 2] : over.mask, alt: "" }));
    for (const [index, left, top] of over && !wrong ? over.names : []) {
      const name = make("span", { textContent: data.classes[index] });
      name.style.left = `${left}%`;
      name.style.top = `${top}%`;
      stage.append(name);
    }
    for (const [number, button] of [...part("layers").children].entries()) {
      button.setAttribute("aria-pressed", number === layer);
      const score = number > 1 ? image.scores[number - 2] : null;
      button.querySelector("b").textContent = score === null ? "" : ` ${score.toFixed(1)}`;
    }
    part("errors").setAttribute("aria-pressed", errors);
    part("alone").setAttribute("aria-pressed", alone);
    const says = wrong ? `errors of ${layers[layer]}` : layers[layer];
    part("status").textContent = `${at + 1} of ${shown.length}: ${image.id}. Ranked: ${rank(image)}; `
      + `${data.full} gets ${image.wrong.toFixed(1)} % of the pixels wrong. Shown: ${says}.`;
    const colours = wrong ? [[data.wrong, "wrong"], [data.void, "void, not scored"]]
      : over ? [...over.shows.map(index => [data.colours[index], data.classes[index]]), [data.void, "void, not scored"]] : [];
    part("legend").replaceChildren(...colours.map(([colour, name]) => {
      const swatch = make("i");
      swatch.style.background = colour;
      return make("li", {}, swatch, name);
    }));
    for (const [number, button] of [...part("strip").children].entries()) {
      button.setAttribute("aria-current", number === at);
      button.tabIndex = number === at ? 0 : -1;
    }
    const strip = part("strip"), thumb = strip.children[at];
    strip.scrollLeft = thumb.offsetLeft - strip.offsetLeft - (strip.clientWidth - thumb.clientWidth) / 2;
  };
  const go = place => {
    const inStrip = part("strip").contains(document.activeElement);
    at = Math.max(0, Math.min(shown.length - 1, place));
    draw();
    if (inStrip) part("strip").children[at].focus({ preventScroll: true });
  };
  const show = number => {
    layer = Math.max(0, Math.min(layers.length - 1, number));
    draw();
  };
  const list = () => {
    const kept = shown[at], index = part("class").value;
    shown = data.images.filter(image => index === "" || shows(image, Number(index))).sort(orders[part("order").value][1]);
    part("strip").replaceChildren(...shown.map((image, place) => make("button",
      { type: "button", title: image.id, onclick: () => go(place) }, make("img", { src: image.picture, alt: image.id }), rank(image))));
    go(Math.max(0, shown.indexOf(kept)));
  };
  const toggle = { e: () => { errors = !errors; draw(); }, m: () => { alone = !alone; draw(); } };
  const keys = {
    ArrowLeft: () => go(at - 1), ArrowRight: () => go(at + 1), Home: () => go(0), End: () => go(shown.length - 1), ...toggle,
  };
  const onStage = { ArrowUp: () => show(layer - 1), ArrowDown: () => show(layer + 1) };

  part("class").append(make("option", { value: "", textContent: `all (${data.images.length})` }));
  for (const [index, name] of data.classes.entries()) {
    const count = data.images.filter(image => shows(image, index)).length;
    if (count) part("class").append(make("option", { value: index, textContent: `${name} (${count})` }));
  }
  part("order").append(...orders.map(([name], value) => make("option", { value, textContent: name })));
  part("layers").append(...layers.map((name, number) => make("button", { type: "button", onclick: () => show(number) },
    ...(number < 10 ? [make("kbd", { textContent: number }), " "] : []), name, make("b"))));
  part("class").onchange = list;
  part("order").onchange = list;
  part("errors").onclick = toggle.e;
  part("alone").onclick = toggle.m;
  part("previous").onclick = keys.ArrowLeft;
  part("next").onclick = keys.ArrowRight;
  root.addEventListener("keydown", event => {
    if (event.target.tagName === "SELECT" || event.ctrlKey || event.altKey || event.metaKey) return;
    const digit = /^\d$/.test(event.key) && event.key < layers.length ? () => show(Number(event.key)) : null;
    const act = digit ?? keys[event.key] ?? keys[event.key.toLowerCase()] ?? (event.target === part("stage") ? onStage[event.key] : null);
    if (!act) return;
    event.preventDefault();
    act();
  });
  root.hidden = false;
  list();
}
