export async function load(_url: string, _options: object): Promise<void> {}
