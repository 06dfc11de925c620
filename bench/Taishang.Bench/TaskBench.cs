namespace Taishang.Bench;
internal static class TaskBench { public static Task RunAsync(BenchSize size, CancellationToken c) => Task.CompletedTask; }
