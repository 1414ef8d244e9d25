(function () {
  "use strict";
  var root = document.documentElement;
  var plots = Array.prototype.slice.call(document.querySelectorAll(".plot"));
  var views = {};
  var narrow = 500;
  var sheet = 680; // A4 less its margins, CSS pixels

  function load() {
    if (window.Plotly) return;
    var script = document.createElement("script");
    script.textContent = document.getElementById("plotly-source").textContent;
    document.head.appendChild(script);
  }

  function viewsOf(plot) {
    if (!views[plot.id]) {
      views[plot.id] = JSON.parse(document.getElementById(plot.id + "-data").textContent);
    }
    return views[plot.id];
  }

  // Below the axis, however many lines it takes: a figure cannot know how wide it will be.
  function placeLegend(view, layout, plot) {
    var names = view.data.filter(function (trace) { return trace.name && trace.showlegend !== false; })
      .map(function (trace) { return trace.name; });
    if (layout.showlegend === false || names.length < 2) {
      layout.showlegend = false;
      return;
    }
    var longest = Math.max.apply(null, names.map(function (name) { return name.length; }));
    var columns = Math.max(1, Math.floor((plot.clientWidth - 30) / (longest * 6.2 + 44)));
    var room = 19 * Math.ceil(names.length / columns) + 8;
    var bottom = layout.xaxis && layout.xaxis.title ? 52 : 34;
    layout.legend = Object.assign({}, layout.legend, {
      orientation: "h", xref: "container", x: 0.01, xanchor: "left",
      yref: "container", y: 0.01, yanchor: "bottom"
    });
    layout.margin = Object.assign({}, layout.margin, { b: bottom + room });
    layout.height = layout.height - (view.layout.margin.b || 0) + bottom + room;
  }

  function layoutOf(view, plot) {
    var layout = JSON.parse(JSON.stringify(view.layout));
    var small = plot.clientWidth < narrow;
    layout.font = Object.assign({}, layout.font, {
      color: getComputedStyle(root).getPropertyValue("--ink-soft").trim(),
      size: small ? 10 : 12
    });
    placeLegend(view, layout, plot);
    if (small) {
      layout.margin = Object.assign({}, layout.margin, { l: 8, r: 8, t: 14 });
      layout.annotations = undefined;
      if (layout.yaxis) layout.yaxis.title = undefined;
      if (layout.xaxis) layout.xaxis.nticks = 6;
    }
    return layout;
  }

  function draw(plot, width) {
    load();
    var view = viewsOf(plot)[Number(plot.dataset.view || 0)];
    var layout = layoutOf(view, plot);
    if (width) layout.width = width;
    plot.style.height = layout.height + "px";
    plot.dataset.drawn = "yes";
    return window.Plotly.react(plot, view.data, layout, {
      responsive: true, displayModeBar: false, showTips: false
    });
  }

  // What is folded away is not drawn before it is opened; it has a width there or not, as the
  // browser likes.
  function isShown(plot) {
    return !plot.closest("details:not([open])");
  }

  function isWaiting(plot) {
    return !plot.dataset.drawn && isShown(plot);
  }

  function redraw() {
    plots.forEach(function (plot) {
      if (!plot.dataset.drawn) return;
      if (isShown(plot)) draw(plot);
      else delete plot.dataset.drawn;
    });
  }

  var seen = new IntersectionObserver(function (entries) {
    entries.forEach(function (entry) {
      if (entry.isIntersecting && !entry.target.dataset.drawn) draw(entry.target);
    });
  }, { rootMargin: "400px 0px" });
  plots.forEach(function (plot) { seen.observe(plot); });

  // What is out of sight is drawn bit by bit, so that a page that is printed is complete.
  var idle = window.requestIdleCallback || function (work) { return setTimeout(work, 100); };
  function later() {
    var next = plots.filter(isWaiting)[0];
    if (!next) return;
    draw(next);
    idle(later);
  }
  window.addEventListener("load", function () { setTimeout(function () { idle(later); }, 1500); });

  document.querySelectorAll("select[data-for]").forEach(function (select) {
    select.addEventListener("change", function () {
      var plot = document.getElementById(select.dataset.for);
      plot.dataset.view = select.value;
      draw(plot);
    });
  });

  // A link to a section that is folded away opens it.
  function unfold() {
    var target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (!target) return;
    for (var at = target; at; at = at.parentElement) {
      if (at.tagName === "DETAILS") at.open = true;
    }
    target.scrollIntoView();
  }
  window.addEventListener("hashchange", unfold);
  unfold();
  document.querySelectorAll("details").forEach(function (item) {
    item.addEventListener("toggle", function () { if (item.open) idle(later); });
  });

  var width = window.innerWidth;
  window.addEventListener("resize", function () {
    var crossed = (width < narrow) !== (window.innerWidth < narrow);
    width = window.innerWidth;
    if (crossed) redraw();
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

  var opened = [];
  window.addEventListener("beforeprint", function () {
    opened = Array.prototype.slice.call(document.querySelectorAll("details:not([open]):not(.workshop)"));
    opened.forEach(function (item) { item.open = true; });
    // A sheet is narrower than most windows, and what sticks out would be cut off.
    plots.filter(isShown).forEach(function (plot) { draw(plot, sheet); });
  });
  window.addEventListener("afterprint", function () {
    opened.forEach(function (item) { item.open = false; });
    plots.forEach(function (plot) { delete plot.dataset.drawn; });
    plots.filter(isShown).forEach(function (plot) { draw(plot); });
  });
})();
