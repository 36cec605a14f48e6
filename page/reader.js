// The networks of the page, each with its name and its layers, from READER, which stands before this script.

const networks = READER.networks.map(({ name, layers, none }) => ({ name, layers: layers.map(unpacked), none: none && unpacked(none) }));
const element = (id) => document.getElementById(id);
