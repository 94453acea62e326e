declare module "virtual:asset-names" {
  const names: Record<string, string>;
  export default names;
}
