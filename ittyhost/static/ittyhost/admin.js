"use strict";
/* Copy buttons, questions before actions, filters that are typed, and parts of a page that are fetched. */
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

    function loadParts() {
        for (const part of document.querySelectorAll("[data-load]")) {
            fetch(part.dataset.load, {credentials: "same-origin"}).then(function (answer) {
                if (!answer.ok) {
                    throw new Error(String(answer.status));
                }
                return answer.text();
            }).then(function (html) {
                part.innerHTML = html;
            }, function () {
                part.textContent = "Could not be read.";
            });
        }
    }

    document.addEventListener("DOMContentLoaded", function () {
        prepareCopying(document);
        prepareQuestions();
        prepareFilters();
        loadParts();
    });
})();
