//! A directed graph and its circles: Tarjan's strongly connected components ("Depth-first search
//! and linear graph algorithms", 1972), and the shortest way around each.
//!
//! Without recursion, which a history of a million operations would take too deep; that, and edges
//! that count for nothing, is why it is not a library's.

use std::collections::VecDeque;

/// Up to how many nodes of a component the shortest circle is looked for from every one. From a
/// larger one, a circle is found and shortened from its own nodes until it gets no shorter.
const STARTS_MAX: usize = 200;

const UNVISITED: usize = usize::MAX;

/// Edges between numbered nodes.
#[derive(Debug)]
pub(crate) struct Graph<L> {
    nodes: usize,
    /// By where they leave.
    edges: Vec<Edge<L>>,
    /// Where each node's edges begin, and the last one's end.
    leaving: Vec<usize>,
}

#[derive(Clone, Debug)]
pub(crate) struct Edge<L> {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) label: L,
    /// Whether it makes a way longer.
    pub(crate) counts: bool,
}

impl<L> Graph<L> {
    pub(crate) fn new(nodes: usize, mut edges: Vec<Edge<L>>) -> Self {
        edges.sort_by_key(|edge| edge.from);
        let leaving = (0..=nodes).map(|node| edges.partition_point(|edge| edge.from < node));
        Self { nodes, leaving: leaving.collect(), edges }
    }

    /// A shortest circle of each component that has one.
    pub(crate) fn shortest_cycles(&self) -> Vec<Vec<&Edge<L>>> {
        let components = self.components();
        let mut component_of = vec![UNVISITED; self.nodes];
        for (number, component) in components.iter().enumerate() {
            for node in component {
                component_of[*node] = number;
            }
        }
        let mut search = Search::new(self, component_of);
        let cycles = components.iter().filter_map(|component| search.shortest(component));
        cycles.map(|cycle| cycle.into_iter().map(|edge| &self.edges[edge]).collect()).collect()
    }

    fn edges_of(&self, node: usize) -> std::ops::Range<usize> {
        self.leaving[node]..self.leaving[node + 1]
    }

    /// The strongly connected components of more than one node.
    fn components(&self) -> Vec<Vec<usize>> {
        let mut tarjan = Tarjan {
            order: vec![UNVISITED; self.nodes],
            low: vec![0; self.nodes],
            is_open: vec![false; self.nodes],
            open: Vec::new(),
            visited: 0,
            components: Vec::new(),
        };
        for root in 0..self.nodes {
            if tarjan.order[root] == UNVISITED {
                tarjan.visit(self, root);
            }
        }
        tarjan.components
    }
}

struct Tarjan {
    order: Vec<usize>,
    low: Vec<usize>,
    is_open: Vec<bool>,
    open: Vec<usize>,
    visited: usize,
    components: Vec<Vec<usize>>,
}

impl Tarjan {
    fn visit<L>(&mut self, graph: &Graph<L>, root: usize) {
        let mut calls = vec![(root, self.enter(graph, root))];
        while let Some((node, edges)) = calls.last_mut() {
            let node = *node;
            if let Some(edge) = edges.next() {
                let to = graph.edges[edge].to;
                if self.order[to] == UNVISITED {
                    calls.push((to, self.enter(graph, to)));
                } else if self.is_open[to] {
                    self.low[node] = self.low[node].min(self.order[to]);
                }
                continue;
            }
            calls.pop();
            if let Some((caller, _)) = calls.last() {
                self.low[*caller] = self.low[*caller].min(self.low[node]);
            }
            if self.low[node] == self.order[node] {
                self.leave(node);
            }
        }
    }

    fn enter<L>(&mut self, graph: &Graph<L>, node: usize) -> std::ops::Range<usize> {
        self.order[node] = self.visited;
        self.low[node] = self.visited;
        self.visited += 1;
        self.is_open[node] = true;
        self.open.push(node);
        graph.edges_of(node)
    }

    /// Closes the component whose first node is `root`.
    fn leave(&mut self, root: usize) {
        let first = self.open.iter().rposition(|node| *node == root);
        let component = self.open.split_off(first.expect("what was entered is open"));
        for node in &component {
            self.is_open[*node] = false;
        }
        if component.len() > 1 {
            self.components.push(component);
        }
    }
}

/// Looks for shortest ways, first through edges that do not count (a breadth-first search over
/// lengths of 0 and 1).
struct Search<'a, L> {
    graph: &'a Graph<L>,
    component_of: Vec<usize>,
    /// Of each node, in the search that `searched` names: how far it is, and the edge to it.
    distance: Vec<usize>,
    arrived_by: Vec<usize>,
    searched: Vec<usize>,
    searches: usize,
}

impl<'a, L> Search<'a, L> {
    fn new(graph: &'a Graph<L>, component_of: Vec<usize>) -> Self {
        Self {
            graph,
            component_of,
            distance: vec![0; graph.nodes],
            arrived_by: vec![0; graph.nodes],
            searched: vec![0; graph.nodes],
            searches: 0,
        }
    }

    /// A shortest circle in a component, as edges.
    fn shortest(&mut self, component: &[usize]) -> Option<Vec<usize>> {
        if component.len() <= STARTS_MAX {
            return self.shortest_from(component.iter().copied(), None);
        }
        let mut best = self.shortest_from(component.first().copied().into_iter(), None)?;
        loop {
            let length = self.length(&best);
            let starts: Vec<usize> = best
                .iter()
                .map(|edge| &self.graph.edges[*edge])
                .filter(|edge| edge.counts)
                .flat_map(|edge| [edge.from, edge.to])
                .collect();
            best = self.shortest_from(starts.into_iter(), Some(best))?;
            if self.length(&best) >= length {
                return Some(best);
            }
        }
    }

    fn shortest_from(
        &mut self,
        starts: impl Iterator<Item = usize>,
        mut best: Option<Vec<usize>>,
    ) -> Option<Vec<usize>> {
        for start in starts {
            let cycle = self.through(start);
            let is_shorter = |cycle: &Vec<usize>| {
                best.as_ref().is_none_or(|best| self.length(cycle) < self.length(best))
            };
            if cycle.as_ref().is_some_and(is_shorter) {
                best = cycle;
            }
        }
        best
    }

    fn length(&self, cycle: &[usize]) -> usize {
        cycle.iter().filter(|edge| self.graph.edges[**edge].counts).count()
    }

    /// A shortest circle through one node.
    fn through(&mut self, start: usize) -> Option<Vec<usize>> {
        self.searches += 1;
        let mut queue = VecDeque::from([(start, 0)]);
        let component = self.component_of[start];
        while let Some((node, distance)) = queue.pop_front() {
            if node == start && distance > 0 || self.is_closed(node, start, distance) {
                return Some(self.way_back(start));
            }
            if node != start && self.distance[node] < distance {
                continue;
            }
            for number in self.graph.edges_of(node) {
                let edge = &self.graph.edges[number];
                let farther = distance + usize::from(edge.counts);
                let is_known =
                    self.searched[edge.to] == self.searches && self.distance[edge.to] <= farther;
                if self.component_of[edge.to] != component || is_known {
                    continue;
                }
                self.searched[edge.to] = self.searches;
                self.distance[edge.to] = farther;
                self.arrived_by[edge.to] = number;
                if edge.counts {
                    queue.push_back((edge.to, farther));
                } else {
                    queue.push_front((edge.to, farther));
                }
            }
        }
        None
    }

    /// Whether the search has come back to its start without a step that counts.
    fn is_closed(&self, node: usize, start: usize, distance: usize) -> bool {
        node == start && distance == 0 && self.searched[start] == self.searches
    }

    fn way_back(&self, start: usize) -> Vec<usize> {
        let mut way = Vec::new();
        let mut node = start;
        loop {
            let edge = self.arrived_by[node];
            way.push(edge);
            node = self.graph.edges[edge].from;
            if node == start {
                way.reverse();
                return way;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn graph(nodes: usize, edges: &[(usize, usize, bool)]) -> Graph<()> {
        let edge = |&(from, to, counts)| Edge { from, to, label: (), counts };
        Graph::new(nodes, edges.iter().map(edge).collect())
    }

    /// The steps that count of each circle found, after checking that it is one.
    fn lengths(graph: &Graph<()>) -> Vec<usize> {
        let length = |cycle: &Vec<&Edge<()>>| {
            for (edge, next) in cycle.iter().zip(cycle.iter().cycle().skip(1)) {
                assert_eq!(edge.to, next.from);
            }
            cycle.iter().filter(|edge| edge.counts).count()
        };
        let mut lengths: Vec<_> = graph.shortest_cycles().iter().map(length).collect();
        lengths.sort_unstable();
        lengths
    }

    #[test]
    fn a_graph_without_circles_has_none() {
        let forwards: Vec<_> = (0..99).map(|node| (node, node + 1, true)).collect();
        assert_eq!(lengths(&graph(100, &forwards)), [0; 0]);
    }

    #[test]
    fn each_component_tells_its_shortest_circle() {
        let edges = [
            (0, 1, true),
            (1, 2, true),
            (2, 0, true),
            (1, 0, true),
            (2, 3, true),
            (3, 4, true),
            (4, 5, true),
            (5, 3, true),
        ];
        assert_eq!(lengths(&graph(6, &edges)), [2, 3]);
    }

    #[test]
    fn an_edge_that_does_not_count_makes_no_way_longer() {
        let edges = [
            (0, 1, true),
            (1, 0, true),
            (1, 2, false),
            (2, 3, false),
            (3, 4, false),
            (4, 0, false),
        ];
        assert_eq!(lengths(&graph(5, &edges)), [1]);
    }

    #[test]
    fn a_deep_graph_is_no_trouble_and_its_circle_is_shortened() {
        const NODES: usize = 300_000;
        let mut edges: Vec<_> = (0..NODES - 1).map(|node| (node, node + 1, false)).collect();
        // The way round from the first node takes two steps, from the middle only one.
        edges.extend([(NODES - 1, 0, true), (NODES / 2 + 9, NODES / 2, true)]);
        edges.push((NODES - 1, NODES / 2, true));
        assert_eq!(lengths(&graph(NODES, &edges)), [1]);
    }

    proptest! {
        #[test]
        fn the_shortest_circles_are_those_of_a_search_from_everywhere(
            edges in prop::collection::vec((0..8_usize, 0..8_usize), 0..20),
        ) {
            let edges = edges.into_iter().filter(|(from, to)| from != to);
            let edges: Vec<_> = edges.map(|(from, to)| (from, to, true)).collect();
            // Floyd and Warshall: the shortest way between any two.
            let mut way = [[usize::MAX; 8]; 8];
            for (from, to, _) in &edges {
                way[*from][*to] = 1;
            }
            for by in 0..8 {
                for from in 0..8 {
                    for to in 0..8 {
                        let around = way[from][by].saturating_add(way[by][to]);
                        way[from][to] = way[from][to].min(around);
                    }
                }
            }
            let mut expected = Vec::new();
            for node in 0..8 {
                let component: Vec<_> = (0..8)
                    .filter(|other| way[node][*other].max(way[*other][node]) < usize::MAX)
                    .collect();
                if component.first() == Some(&node) {
                    expected.extend(component.iter().map(|node| way[*node][*node]).min());
                }
            }
            expected.sort_unstable();
            prop_assert_eq!(lengths(&graph(8, &edges)), expected);
        }
    }
}
