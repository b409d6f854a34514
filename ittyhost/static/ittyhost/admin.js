"use strict";
/* Copy buttons, questions before actions, filters that are typed, parts of a page that are fetched, and moments that a player goes to. */
(function () {
    function copy(text) {
        if (navigator.clipboard && window.isSecureContext) {
            return navigator.clipboard.writeText(text);
        }
        // Plain HTTP has no clipboard interface: the old way still works there.
        const area = document.createElement("textarea");
        area.value = text;
        area.className = "itty-offscreen";
        document.body.append(area);
        area.select();
        const done = document.execCommand("copy");
        area.remove();
        return done ? Promise.resolve() : Promise.reject(new Error("not copied"));
    }

    function prepareCopying(root) {
        for (const button of root.querySelectorAll(".itty-copy-button")) {
            button.hidden = false;
            button.addEventListener("click", function () {
                const text = button.parentElement.querySelector("pre").textContent;
                copy(text).then(function () { button.textContent = "Copied"; }, function () { button.textContent = "Not copied"; });
                setTimeout(function () { button.textContent = "Copy"; }, 1500);
            });
        }
    }

    function prepareQuestions() {
        for (const form of document.querySelectorAll("form[data-question]")) {
            form.addEventListener("submit", function (event) {
                if (!window.confirm(form.dataset.question)) {
                    event.preventDefault();
                }
            });
        }
    }

    function prepareFilters() {
        for (const box of document.querySelectorAll(".itty-filter")) {
            // select2 tells of changes through jQuery only.
            window.django.jQuery(box.querySelector("select")).on("change", function () {
                const query = new URLSearchParams(box.dataset.base.replace(/^\?/, ""));
                if (this.value) {
                    query.set(box.dataset.lookup, this.value);
                }
                query.delete("p");
                window.location.search = query.toString();
            });
        }
    }

    function load(part, url) {
        return fetch(url, {credentials: "same-origin"}).then(function (answer) {
            if (!answer.ok || answer.redirected) {  // to the login page, once the session has ended
                throw new Error(String(answer.status));
            }
            return answer.text();
        }).then(function (html) {
            part.innerHTML = html;
        }, function () {
            part.textContent = "Could not be read.";
        });
    }

    function loadParts() {
        for (const part of document.querySelectorAll("[data-load]")) {
            const closed = part.closest("details:not([open])");
            if (closed) {
                closed.addEventListener("toggle", function () { load(part, part.dataset.load); }, {once: true});
            } else {
                load(part, part.dataset.load);
            }
        }
        document.addEventListener("click", function (event) {
            const link = event.target.closest("a[data-part]");
            const part = link && link.closest("[data-load]");
            if (part) {
                event.preventDefault();
                const url = new URL(part.dataset.load, window.location.href);
                url.searchParams.set("page", new URLSearchParams(link.search).get("page"));
                load(part, url).then(function () { part.scrollIntoView({block: "nearest"}); });
            }
        });
    }

    /* A moment that is clicked leads the player there; the moment that is played is marked. */
    function playerOf(place) {
        const part = place.closest("[data-load]");
        return (part && part.querySelector("video, audio")) || document.querySelector("video.itty-preview, audio.itty-preview");
    }

    function followPlayer(player) {
        const now = player.currentTime;
        for (const place of document.querySelectorAll("[data-seek]")) {
            const shown = place.closest("li") || place;
            const is_now = Number(place.dataset.seek) <= now && now < Number(place.dataset.until) && playerOf(place) === player;
            const list = shown.parentElement;
            if (is_now && !shown.classList.contains("itty-now") && list.matches(".itty-lines:not(:hover)")) {
                list.scrollTop = shown.offsetTop - list.offsetTop - list.clientHeight / 2;
            }
            shown.classList.toggle("itty-now", is_now);
        }
    }

    function prepareSeeking() {
        document.addEventListener("click", function (event) {
            const said = window.getSelection().isCollapsed && event.target.closest(".itty-said");  // else it is marked
            const place = event.target.closest("[data-seek]") || (said && said.closest("li").querySelector("[data-seek]"));
            const player = place && playerOf(place);
            if (player) {
                player.currentTime = Number(place.dataset.seek);
                player.play().catch(function () {});  // a browser may want a click on the player itself first
            }
        });
        for (const name of ["timeupdate", "seeked"]) {  // they do not bubble
            document.addEventListener(name, function (event) { followPlayer(event.target); }, true);
        }
    }

    document.addEventListener("DOMContentLoaded", function () {
        prepareCopying(document);
        prepareQuestions();
        prepareFilters();
        loadParts();
        prepareSeeking();
    });
})();
