namespace Taishang.Testing.Databases;

/// <summary>
/// The assembly fixture of every test project that uses <see cref="DatabaseWorld"/> or a host with a database of its
/// own: takes the migrated templates away after the last test. Not at the exit of the process, where a server that is
/// slow to drop a database looks to the runner like a thread that will not end.
/// </summary>
public sealed class DatabaseTemplates : IAsyncDisposable
{
    public ValueTask DisposeAsync() => MigratedDatabases.RemoveAsync();
}
