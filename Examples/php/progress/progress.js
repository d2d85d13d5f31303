// SPDX-License-Identifier: Apache-2.0
// Shows each state of the job as it comes. Without this script the page is reloaded now and then.
'use strict';

(() => {
    const element = (id) => document.getElementById(id);
    const job = element('job');
    const isOver = (name) => !['waiting', 'delayed', 'running'].includes(name);

    function show(state) {
        job.dataset.name = state.name;
        // A live region: the same again would be read again.
        if (element('status').textContent !== state.status) {
            element('status').textContent = state.status;
        }
        element('percent').value = state.percent;
        element('number').textContent = `${state.percent} %`;
        element('text').textContent = state.text;
        element('trouble').hidden = true;
        const hadFocus = element('cancel').contains(document.activeElement);
        element('bar').hidden = isOver(state.name) && state.name !== 'done';
        element('cancel').hidden = isOver(state.name);
        element('again').hidden = state.name !== 'failed';
        if (hadFocus && isOver(state.name)) {
            element('status').focus();
        }
    }

    function showTrouble(text) {
        element('trouble').textContent = text;
        element('trouble').hidden = false;
    }

    if (isOver(job.dataset.name)) {
        return;
    }
    const events = new EventSource(`events.php?job=${encodeURIComponent(job.dataset.job)}`);
    let timer = null;
    events.onopen = () => clearTimeout(timer);
    events.onmessage = (event) => {
        const state = JSON.parse(event.data);
        show(state);
        if (state.isOver) {
            events.close();
        }
    };
    events.addEventListener('trouble', () => {
        showTrouble('The page cannot reach what does its work. It tries again.');
    });
    events.onerror = () => {
        clearTimeout(timer);
        if (events.readyState === EventSource.CLOSED) {
            showTrouble('The page is not told any more. Please reload it.');
            return;
        }
        // Each request is over some time, and the next one follows by itself.
        timer = setTimeout(() => showTrouble('The connection is lost. The page tries again.'), 10000);
    };
})();
